package io.millrace.executor.adapter;

import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.Ia3Settings;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Optional;

/** Trained scales on keys, values and within the feed-forward part: {@code --tune ia3}. */
public final class Ia3Kind implements AdapterKind {
    /** The name. */
    public static final String NAME = "ia3";

    /** Modules that have scales. */
    public static final Option<List<String>> TARGETS =
            modules(
                    "ia3-targets",
                    "Modules that --tune ia3 scales, by the ends of their paths, or auto: keys,"
                            + " values and the second product of the feed-forward part.");

    /** Those of them whose inputs are scaled. */
    public static final Option<List<String>> FEED_FORWARD =
            modules(
                    "ia3-feedforward",
                    "Modules among --ia3-targets whose inputs are scaled in place of their"
                            + " outputs, or auto: the second product of the feed-forward part.");

    private static Option<List<String>> modules(String name, String help) {
        return Option.named(name, OptionTypes.WORDS)
                .label("A,B")
                .help(help)
                .usual(List.of(Ia3Settings.AUTO))
                .usually(Ia3Settings.AUTO)
                .limit(
                        new Limit<>(
                                names -> names.stream().noneMatch(String::isBlank),
                                names -> "a name among " + names + " is empty",
                                "give names with commas between them"))
                .decidesBytes()
                .build();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String title() {
        return "IA³";
    }

    @Override
    public List<Option<?>> options() {
        return List.of(TARGETS, FEED_FORWARD);
    }

    @Override
    public AdapterSettings make(Settings values, long runSeed) {
        return new Ia3Settings(values.get(TARGETS), values.get(FEED_FORWARD));
    }

    @Override
    public Optional<Settings> told(AdapterSettings own) {
        return own instanceof Ia3Settings scales
                ? Optional.of(
                        Settings.NONE
                                .with(TARGETS, scales.targets())
                                .with(FEED_FORWARD, scales.feedForward()))
                : Optional.empty();
    }
}
