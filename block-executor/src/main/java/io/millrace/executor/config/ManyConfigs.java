package io.millrace.executor.config;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.adapter.WireConfig;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Several adapters of one base at once: {@code --adapters} says how many, {@code --each} in what
 * they differ. Each is a run of its own, in a folder of its own, named by its number.
 */
public final class ManyConfigs {
    /** How many adapters are tuned at once. */
    public static final Option<Integer> ADAPTERS =
            Option.named("adapters", OptionTypes.INTEGER)
                    .label("N")
                    .help(
                            "Tune N adapters beside one base in passes that they share, each in a"
                                    + " folder of its own in --out: 1, 2, .... Their seeds are"
                                    + " --seed and those after it, unless --each says in what they"
                                    + " differ.")
                    .limit(Limit.atLeast(1))
                    .build();

    /** In what they differ. */
    public static final Option<List<String>> EACH =
            Option.named("each", OptionTypes.TEXTS)
                    .label("OPTION=A,B")
                    .help(
                            "An option of which each adapter has a value of its own, in order:"
                                    + " lr=1e-3,3e-3. Several times for several options; config=FILE"
                                    + ",FILE takes what differs from files.")
                    .build();

    /** Both. */
    public static final List<Option<?>> OPTIONS = List.of(ADAPTERS, EACH);

    private static final String CONFIG = "config";
    private static final String MEND = "give one value for each, with commas between them";

    /** What all have in common: the base, and how it lies in memory. */
    private static final Set<Option<?>> SHARED =
            RunOptions.joined(
                            List.of(
                                    List.of(
                                            TuneConfig.MODEL,
                                            OutputConfig.OUT,
                                            OutputConfig.RESUME,
                                            OutputConfig.TRACE,
                                            OutputConfig.METRICS_PORT,
                                            ArithmeticConfig.DTYPE,
                                            ArithmeticConfig.MATMUL,
                                            Methods.METHOD),
                                    WireConfig.OPTIONS,
                                    MemoryConfig.OPTIONS))
                    .stream()
                    .collect(Collectors.toSet());

    private final Settings common;
    private final Map<String, List<String>> differing = new LinkedHashMap<>();
    private final int count;

    private ManyConfigs(Settings told) {
        common = told.without(OPTIONS);
        told.find(EACH).ifPresent(this::read);
        Optional<Integer> wanted = told.find(ADAPTERS);
        count = wanted.orElseGet(() -> differing.values().iterator().next().size());
        differing.forEach((name, values) -> {
            if (values.size() != count) {
                throw refused(
                        "'"
                                + name
                                + "' has "
                                + values.size()
                                + " values for "
                                + count
                                + " adapters",
                        MEND);
            }
        });
    }

    /** Whether several adapters are asked for. */
    public static boolean areAsked(Settings told) {
        return told.has(ADAPTERS) || told.has(EACH);
    }

    /** Whether each adapter has a value of its own of an option. */
    public static boolean says(Settings told, Option<?> option) {
        return told.find(EACH).stream()
                .flatMap(List::stream)
                .anyMatch(text -> text.startsWith(option.name() + "="));
    }

    /**
     * The runs that were asked for, in order.
     *
     * @param told what a person said, with one of both options at least
     * @throws BadInputException where values do not fit, or a run is refused for itself
     */
    public static List<TuneConfig> of(Settings told) {
        return new ManyConfigs(told).configs();
    }

    private void read(List<String> texts) {
        for (String text : texts) {
            int at = text.indexOf('=');
            String name = at < 0 ? text : text.substring(0, at);
            if (at < 0 || !(name.equals(CONFIG) || RunOptions.byName().containsKey(name))) {
                throw refused(
                        "'" + text + "' begins with no option of a run",
                        "give such as lr=1e-3,3e-3, or config=a.json,b.json");
            }
            requireOwn(name);
            List<String> values = List.of(text.substring(at + 1).split(",", -1));
            if (differing.put(name, values) != null) {
                throw refused("'" + name + "' is there twice", MEND);
            }
        }
    }

    private static void requireOwn(String name) {
        Option<?> option = RunOptions.byName().get(name);
        if (option != null && SHARED.contains(option)) {
            throw refused(
                    "'" + name + "' is the same for all that share a pass",
                    "give " + option.spelled() + " once, or tune them apart");
        }
        if (option != null && option.type().form() != OptionType.Form.VALUE) {
            throw refused(
                    "'" + name + "' is no single value",
                    "say it in a file for each, by --each config=a.json,b.json");
        }
    }

    private List<TuneConfig> configs() {
        List<TuneConfig> configs = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            configs.add(TuneConfig.builder(settings(index)).build());
            requireBeside(configs.getLast().arithmetic());
        }
        Check.that(
                !common.get(OutputConfig.RESUME)
                        || configs.stream().anyMatch(config -> config.output().resume()),
                OutputConfig.RESUME,
                common.get(OutputConfig.OUT) + " has no run to go on with",
                "leave --resume out to start them");
        return configs;
    }

    /**
     * Refuses runs that share no pass.
     *
     * @throws BadInputException where they train more than what is beside the model, or need the
     *     gradient
     */
    public static void requireBeside(ArithmeticConfig arithmetic) {
        Check.that(
                arithmetic.trained().adapter().isPresent(),
                ADAPTERS,
                "a run that tunes the model itself shares no pass",
                "add " + TrainedTensors.TUNE.spelled() + " " + LoraKind.NAME);
        Check.that(
                arithmetic.isReplayable(),
                ADAPTERS,
                arithmetic.optimizer() + " goes back through the model, where no pass is shared",
                "tune them one by one, or give a method that needs forward passes alone");
    }

    private Settings settings(int index) {
        Settings own = common;
        for (Map.Entry<String, List<String>> one : differing.entrySet()) {
            String value = one.getValue().get(index);
            own =
                    one.getKey().equals(CONFIG)
                            ? recipe(own, Path.of(value))
                            : with(own, RunOptions.byName().get(one.getKey()), value);
        }
        if (differing.isEmpty()) {
            own = own.with(ArithmeticConfig.SEED, common.get(ArithmeticConfig.SEED) + index);
        }
        if (index > 0) {
            own = own.without(List.of(OutputConfig.TRACE, OutputConfig.METRICS_PORT));
        }
        Path folder = common.get(OutputConfig.OUT).resolve(Integer.toString(index + 1));
        boolean goesOn =
                common.get(OutputConfig.RESUME) && Files.exists(folder.resolve("journal.jsonl"));
        return own.with(OutputConfig.OUT, folder).with(OutputConfig.RESUME, goesOn);
    }

    private static Settings recipe(Settings settings, Path file) {
        Settings own = Recipe.read(file, EACH.spelled());
        own.options().stream()
                .filter(SHARED::contains)
                .filter(option -> !own.find(option).equals(settings.find(option)))
                .findFirst()
                .ifPresent(option -> {
                    throw new BadInputException(
                            file + ": field '" + option.name() + "'",
                            "is the same for all that share a pass",
                            "give " + option.spelled() + " once, or tune them apart");
                });
        return settings.with(own.without(SHARED).without(OPTIONS));
    }

    private static <T> Settings with(Settings settings, Option<T> option, String value) {
        try {
            return settings.with(
                    option,
                    option.type().parse().apply(List.of(value)),
                    EACH.spelled() + ": '" + option.name() + "'");
        } catch (IllegalArgumentException e) {
            throw refused("'" + option.name() + "': " + e.getMessage(), "give " + option.label());
        }
    }

    /** In what a run differs from the others, in words. */
    public static String difference(Settings told, int index) {
        ManyConfigs many = new ManyConfigs(told);
        if (many.differing.isEmpty()) {
            return "seed " + Seeds.format(many.settings(index).get(ArithmeticConfig.SEED));
        }
        return many.differing.entrySet().stream()
                .map(one -> one.getKey() + " " + one.getValue().get(index))
                .collect(Collectors.joining(", "));
    }

    private static BadInputException refused(String fault, String mend) {
        return new BadInputException(EACH.spelled(), fault, mend);
    }
}
