package io.millrace.optim.option;

import io.millrace.memory.BadInputException;
import io.millrace.optim.Registry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * All kinds of one thing, and the option that names one: directions and {@code --perturbation}.
 *
 * @param <T> what they make
 */
public final class Kinds<T> {
    private final Registry<Kind<T>> registry;
    private final Option<String> naming;
    private final List<Option<?>> options;

    private Kinds(Registry<Kind<T>> registry, Option<String> naming) {
        this.registry = registry;
        this.naming = naming;
        Map<String, Option<?>> own = new LinkedHashMap<>();
        for (Kind<T> kind : registry.all()) {
            for (Option<?> option : kind.options()) {
                if (!option.decidesBytes()) {
                    throw new IllegalStateException(
                            option + " of " + kind.name() + " has no field");
                }
                Option<?> other = own.putIfAbsent(option.name(), option);
                if (other != null && other != option) {
                    throw new IllegalStateException(option + " is two options");
                }
            }
        }
        options = List.copyOf(own.values());
    }

    /**
     * The project's own, and those that other jars on the class path provide as services.
     *
     * @param naming the option that names one
     * @param own the project's own
     * @param service what others implement
     */
    public static <T> Kinds<T> of(
            Option.Builder<String> naming,
            List<? extends Kind<T>> own,
            Class<? extends Kind<T>> service) {
        Registry<Kind<T>> registry =
                Registry.of("--" + naming.name(), List.copyOf(own), service, Kind::name);
        List<String> names = registry.all().stream().map(Kind::name).toList();
        return new Kinds<>(registry, naming.limit(Limit.knownTo(registry)).choices(names).build());
    }

    /** The option that names one. */
    public Option<String> naming() {
        return naming;
    }

    /** The options of all kinds, each once. */
    public List<Option<?>> options() {
        return options;
    }

    /** The naming option and those of all kinds. */
    public List<Option<?>> withNaming() {
        List<Option<?>> all = new ArrayList<>(List.of(naming));
        all.addAll(options);
        return all;
    }

    /** All kinds, in the order of their names. */
    public Collection<Kind<T>> all() {
        return registry.all();
    }

    /**
     * The kind of a name.
     *
     * @throws BadInputException when none has it
     */
    public Kind<T> named(String name) {
        return registry.named(name);
    }

    /** The kind that a run names. */
    public Kind<T> of(Settings settings) {
        return named(settings.get(naming));
    }

    /** What a run names, made with the values that it says. */
    public T make(Settings settings, long runSeed) {
        return make(settings.get(naming), settings, runSeed);
    }

    /** What a name stands for, made with values; what they leave open is as usual. */
    public T make(String name, Settings values, long runSeed) {
        Kind<T> kind = named(name);
        return kind.make(values.complete(kind.options()), runSeed);
    }

    /**
     * Refuses options of kinds that the run does not name.
     *
     * @throws BadInputException where a run says what its kind has no use for
     */
    public void requireUse(Settings settings) {
        Kind<T> chosen = of(settings);
        for (Option<?> option : options) {
            if (settings.has(option) && !chosen.options().contains(option)) {
                List<String> users =
                        all().stream()
                                .filter(kind -> kind.options().contains(option))
                                .map(Kind::name)
                                .toList();
                throw new BadInputException(
                        option.spelled(),
                        chosen.name() + " has no use for it",
                        "give "
                                + naming.spelled()
                                + " "
                                + String.join(" or ", users)
                                + ", or leave it out");
            }
        }
    }
}
