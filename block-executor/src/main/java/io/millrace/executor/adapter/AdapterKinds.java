package io.millrace.executor.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.optim.Registry;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The kinds of adapter by name. A new one is a line here. */
public final class AdapterKinds {
    private static final Registry<AdapterKind> REGISTRY =
            Registry.of(
                    "--tune",
                    List.of(
                            new LoraKind(),
                            new WindowsKind(),
                            new Ia3Kind(),
                            VirtualKind.PROMPT,
                            VirtualKind.PREFIX,
                            new TensorTrainKind()),
                    AdapterKind.class,
                    AdapterKind::name);

    /** The options of all kinds, each once. */
    public static final List<Option<?>> OPTIONS =
            REGISTRY.all().stream()
                    .flatMap(kind -> kind.options().stream())
                    .distinct()
                    .collect(Collectors.toUnmodifiableList());

    private AdapterKinds() {}

    /** The names, sorted. */
    public static List<String> names() {
        return REGISTRY.all().stream().map(AdapterKind::name).toList();
    }

    /** The kind of a name; empty where the name is none of theirs. */
    public static Optional<AdapterKind> find(String name) {
        return REGISTRY.all().stream().filter(kind -> kind.name().equals(name)).findFirst();
    }

    /**
     * What is told of a run that trains an adapter which is there.
     *
     * @param own what that is
     * @param tune the option that names kinds
     */
    public static Optional<Settings> told(AdapterSettings own, Option<String> tune) {
        return REGISTRY.all().stream()
                .flatMap(kind -> kind.told(own).map(told -> told.with(tune, kind.name())).stream())
                .findFirst();
    }

    /** The options that a kind, or none, has no use for. */
    public static Set<Option<?>> idle(Optional<AdapterKind> chosen) {
        Set<Option<?>> idle = new LinkedHashSet<>(OPTIONS);
        chosen.ifPresent(kind -> kind.options().forEach(idle::remove));
        return idle;
    }

    /**
     * Refuses options of kinds that a run does not train.
     *
     * @throws BadInputException where one was told
     */
    public static void requireUse(Settings told, Optional<AdapterKind> chosen) {
        idle(chosen).stream()
                .filter(told::has)
                .findFirst()
                .ifPresent(option -> {
                    List<AdapterKind> users =
                            REGISTRY.all().stream()
                                    .filter(kind -> kind.options().contains(option))
                                    .toList();
                    throw new BadInputException(
                            option.spelled(),
                            "a run that trains no "
                                    + users.stream()
                                            .map(kind -> kind.title().replaceFirst("^an? ", ""))
                                            .collect(Collectors.joining(" or "))
                                    + " has no use for it",
                            "give --tune "
                                    + users.stream()
                                            .map(AdapterKind::name)
                                            .collect(Collectors.joining(" or "))
                                    + ", or leave it out");
                });
    }
}
