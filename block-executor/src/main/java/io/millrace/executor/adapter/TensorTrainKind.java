package io.millrace.executor.adapter;

import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.cores.TensorTrainSettings;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Optional;

/** Bottlenecks of tensor trains within layers: {@code --tune tt}. */
public final class TensorTrainKind implements AdapterKind {
    /** The name. */
    public static final String NAME = "tt";

    private static final int USUAL_WIDTH = 64;
    private static final int USUAL_RANK = 5;

    /** Modules that have one before them, or behind. */
    public static final Option<List<String>> TARGETS =
            Option.named("tt-targets", OptionTypes.WORDS)
                    .label("A,B")
                    .help(
                            "Modules that --tune tt puts a bottleneck before or behind, by the ends"
                                    + " of their paths, or auto: the products of feed-forward"
                                    + " parts.")
                    .usual(List.of(TensorTrainSettings.AUTO))
                    .usually(TensorTrainSettings.AUTO)
                    .limit(
                            new Limit<>(
                                    names -> names.stream().noneMatch(String::isBlank),
                                    names -> "a name among " + names + " is empty",
                                    "give names with commas between them"))
                    .decidesBytes()
                    .build();

    /** The middle's width. */
    public static final Option<Integer> WIDTH =
            number(
                    "tt-bottleneck",
                    "N",
                    "Width of the middle of the bottlenecks that --tune tt trains.",
                    USUAL_WIDTH,
                    TensorTrainSettings.MOST_WIDTH);

    /** Between any two cores. */
    public static final Option<Integer> RANK =
            number(
                    "tt-rank",
                    "R",
                    "Rank of the tensor trains that --tune tt trains.",
                    USUAL_RANK,
                    TensorTrainSettings.MOST_RANK);

    private static Option<Integer> number(
            String name, String label, String help, int usual, int most) {
        return Option.named(name, OptionTypes.INTEGER)
                .label(label)
                .help(help)
                .usual(usual)
                .limit(Limit.atLeast(1))
                .limit(
                        new Limit<>(
                                value -> value <= most,
                                value -> value + " is too large",
                                "give at most " + most))
                .decidesBytes()
                .build();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String title() {
        return "tensor trains";
    }

    @Override
    public List<Option<?>> options() {
        return List.of(TARGETS, WIDTH, RANK);
    }

    @Override
    public AdapterSettings make(Settings values, long runSeed) {
        return new TensorTrainSettings(
                values.get(TARGETS), values.get(WIDTH), values.get(RANK), TARGETS.spelled());
    }

    @Override
    public Optional<Settings> told(AdapterSettings own) {
        return own instanceof TensorTrainSettings trains
                ? Optional.of(
                        Settings.NONE
                                .with(TARGETS, trains.targets())
                                .with(WIDTH, trains.width())
                                .with(RANK, trains.rank()))
                : Optional.empty();
    }
}
