package io.millrace.api;

import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.RunOptions;
import io.millrace.executor.config.recipe.NearestName;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Options by the names of the command line, without dashes: {@code set("lr", 1e-6)}, {@code
 * set("host-budget", "18GiB")}, {@code set("no-shuffle")}. Changed by its own methods; each gives
 * the options back.
 */
public final class ModelOptions {
    private static final String NEGATION = "no-";

    private final Map<String, List<String>> words = new LinkedHashMap<>();

    /** No options: everything is as usual. */
    public ModelOptions() {}

    /**
     * Sets an option; what it was before is forgotten.
     *
     * @param name as on the command line, without dashes
     * @param values none for a flag, one for most, several for a list; as the command line's words
     * @throws BadInputException where no command has such an option, naming the nearest that there
     *     is, if one is near
     */
    public ModelOptions set(String name, Object... values) {
        requireKnown(name);
        words.put(name, Arrays.stream(values).map(String::valueOf).toList());
        return this;
    }

    private static void requireKnown(String name) {
        Set<String> known = new LinkedHashSet<>();
        for (Option<?> option : RunOptions.byName().values()) {
            known.add(option.spelled().substring(2));
        }
        known.add(Methods.METHOD.name());
        ManyConfigs.OPTIONS.forEach(option -> known.add(option.name()));
        AskOptions.ALL.forEach(option -> known.add(option.name()));
        if (!known.contains(name)) {
            throw new BadInputException(
                    "--" + name,
                    "is no option",
                    NearestName.to(name, known)
                            .map(near -> "the nearest that there is is --" + near)
                            .orElse("see docs/cli.md"));
        }
    }

    /**
     * What was told of some options.
     *
     * @param options that a call takes
     * @param call names it in a refusal of any other
     */
    Settings settings(Collection<? extends Option<?>> options, String call) {
        Settings settings = Settings.NONE;
        List<String> left = new ArrayList<>(words.keySet());
        for (Option<?> option : options) {
            String name = option.spelled().substring(2);
            if (left.remove(name)) {
                settings = with(settings, option, words.get(name));
            }
        }
        if (!left.isEmpty()) {
            throw new BadInputException(
                    "--" + left.getFirst(), "is no option of " + call, "leave it out");
        }
        return settings;
    }

    private static <T> Settings with(Settings settings, Option<T> option, List<String> values) {
        if (option.type().form() == OptionType.Form.FLAG) {
            if (!values.isEmpty()) {
                throw new BadInputException(
                        option.spelled(), "is a flag", "give it without a value");
            }
            return settings.with(
                    option,
                    option.type().read().apply(!option.spelled().startsWith("--" + NEGATION)));
        }
        if (values.isEmpty()) {
            throw new BadInputException(option.spelled(), "has no value", "give " + option.label());
        }
        return settings.with(option, option.parse(values));
    }

    /** What eval and generate ask beside a run's options. */
    static final class AskOptions {
        static final Option<String> METRIC = text("metric", "NAME");
        static final Option<Integer> STRIDE = count("stride", "N");
        static final Option<Integer> MAX_NEW_TOKENS = count("max-new-tokens", "N");
        static final Option<Boolean> CHAT =
                Option.named("chat", OptionTypes.FLAG).usualUnsaid(false).build();
        static final Option<String> SYSTEM = text("system", "TEXT");
        static final Option<Double> TEMPERATURE = number("temperature", "F");
        static final Option<Integer> TOP_K = count("top-k", "K");
        static final Option<Double> TOP_P = number("top-p", "P");
        static final Option<List<String>> STOP =
                Option.named("stop", OptionTypes.WORDS).label("TEXT").build();
        static final Option<String> MACHINE = text("machine", "FILE");

        static final List<Option<?>> ALL =
                List.of(
                        METRIC,
                        STRIDE,
                        MAX_NEW_TOKENS,
                        CHAT,
                        SYSTEM,
                        TEMPERATURE,
                        TOP_K,
                        TOP_P,
                        STOP,
                        MACHINE);

        private AskOptions() {}

        private static Option<String> text(String name, String label) {
            return Option.named(name, OptionTypes.TEXT).label(label).build();
        }

        private static Option<Integer> count(String name, String label) {
            return Option.named(name, OptionTypes.INTEGER)
                    .label(label)
                    .limit(Limit.atLeast(1))
                    .build();
        }

        private static Option<Double> number(String name, String label) {
            return Option.named(name, OptionTypes.NUMBER).label(label).build();
        }
    }
}
