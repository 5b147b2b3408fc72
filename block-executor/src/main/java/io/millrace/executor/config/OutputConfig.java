package io.millrace.executor.config;

import io.millrace.executor.config.data.Keep;
import io.millrace.executor.config.data.RunTime;
import io.millrace.executor.config.data.TrackConfig;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a run leaves behind.
 *
 * @param settings a value for each of {@link #OUT}, {@link #OPTIONS} and {@link #METRICS_PORT} that
 *     has one
 */
public record OutputConfig(Settings settings) {
    private static final int GREATEST_PORT = 65535;
    private static final String AUTO = "auto";

    /** A number of steps, or {@code auto} for none in particular. */
    private static final OptionType<OptionalLong> COUNT_OR_AUTO =
            OptionType.word(
                    text ->
                            text.equals(AUTO)
                                    ? OptionalLong.empty()
                                    : OptionalLong.of(
                                            OptionTypes.COUNT.parse().apply(List.of(text))),
                    json ->
                            AUTO.equals(json)
                                    ? OptionalLong.empty()
                                    : OptionalLong.of(OptionTypes.COUNT.read().apply(json)),
                    count -> count.isPresent() ? (Object) count.getAsLong() : AUTO);

    /** Folder of the tuned model, the journal and the metrics. */
    public static final Option<Path> OUT =
            Option.named("out", OptionTypes.PATH)
                    .label("DIR")
                    .help("Folder for the tuned model, the journal and the metrics.")
                    .build();

    /** Steps between evaluations; 0 evaluates at the start and the end. */
    public static final Option<Long> EVAL_EVERY =
            Option.named("eval-every", OptionTypes.COUNT)
                    .label("N")
                    .help("Evaluate every N steps too, not only before and after.")
                    .usualUnsaid(0L)
                    .limit(Limit.atLeast(0))
                    .build();

    /** Steps between checkpoints. */
    public static final Option<OptionalLong> CHECKPOINT_EVERY =
            Option.named("checkpoint-every", COUNT_OR_AUTO)
                    .label("N|auto")
                    .help(
                            "Make the weights durable every N steps too, not only at the end; 0 for never;"
                                    + " auto, the default: as often as costs next to nothing.")
                    .usualUnsaid(OptionalLong.empty())
                    .limit(
                            new Limit<>(
                                    count -> count.orElse(0) >= 0,
                                    count -> count.orElse(0) + " is too small",
                                    "give at least 0"))
                    .build();

    /** What is saved in the end. */
    public static final Option<Keep> KEEP =
            Option.named("keep", Keep.TYPE)
                    .label("last|best|N")
                    .help(
                            "last; best: save the weights after the evaluated step that was best,"
                                    + " which needs --eval-every; or a number: of the checkpoints of"
                                    + " --checkpoint-every, the N newest stay beside the model.")
                    .usual(Keep.LAST)
                    .build();

    /** What tells the best step. */
    public static final Option<Metric> EVAL_METRIC =
            Option.named("eval-metric", OptionTypes.oneOf(Metric.values()))
                    .label("NAME")
                    .help(
                            "What tells the best evaluation: loss, accuracy, f1, exact-match or"
                                    + " perplexity. Answers for f1 and exact-match are written in"
                                    + " every evaluation.")
                    .usual(Metric.LOSS)
                    .build();

    /** Evaluations without a better one after which a run ends. */
    public static final Option<Integer> PATIENCE =
            Option.named("patience", OptionTypes.INTEGER)
                    .label("N")
                    .help("End the run when N evaluations in a row were no better than the best.")
                    .limit(Limit.atLeast(1))
                    .build();

    /** Time after which a run ends. */
    public static final Option<Duration> MAX_TIME =
            Option.named("max-time", RunTime.TYPE)
                    .label("TIME")
                    .help(
                            "End the run, and save its model, after this time: 90s, 30m, 2h, 1d or"
                                    + " 1h30m. --resume goes on from there.")
                    .build();

    /** Whether to go on from what the folder holds. */
    public static final Option<Boolean> RESUME =
            Option.named("resume", OptionTypes.FLAG)
                    .help("Go on from what the output folder holds.")
                    .usualUnsaid(false)
                    .build();

    /** File for the timeline. */
    public static final Option<Path> TRACE =
            Option.named("trace", OptionTypes.PATH)
                    .label("FILE")
                    .help("Write the timeline, for ui.perfetto.dev.")
                    .build();

    /** Port on this machine at which figures are served, 0 for any that is free. */
    public static final Option<Integer> METRICS_PORT =
            Option.named("metrics-port", OptionTypes.INTEGER)
                    .label("PORT")
                    .help(
                            "Serve figures for Prometheus at this port of localhost; 0 takes a free one.")
                    .limit(
                            new Limit<>(
                                    port -> port >= 0 && port <= GREATEST_PORT,
                                    port -> port + " is not a port",
                                    "give one up to "
                                            + GREATEST_PORT
                                            + ", or 0 for any that is free"))
                    .build();

    /** What a run that is meant to be kept says. */
    public static final List<Option<?>> OPTIONS =
            RunOptions.joined(
                    List.of(
                            List.of(
                                    EVAL_EVERY,
                                    EVAL_METRIC,
                                    PATIENCE,
                                    CHECKPOINT_EVERY,
                                    KEEP,
                                    MAX_TIME,
                                    RESUME,
                                    TRACE),
                            TrackConfig.OPTIONS));

    private static final List<Option<?>> ALL =
            RunOptions.joined(List.of(List.of(OUT), OPTIONS, List.of(METRICS_PORT)));

    /** Fills in what is as usual, and checks what no option can see alone. */
    public OutputConfig {
        settings = settings.complete(ALL);
        Check.that(
                !settings.get(KEEP).isBest() || settings.get(EVAL_EVERY) > 0,
                KEEP,
                "best is told by evaluations, and the run has none on the way",
                "add --eval and --eval-every");
        Check.that(
                !settings.has(PATIENCE) || settings.get(EVAL_EVERY) > 0,
                PATIENCE,
                "is told by evaluations, and the run has none on the way",
                "add --eval and --eval-every");
        Check.that(
                settings.get(KEEP).checkpoints() == 0
                        || settings.get(CHECKPOINT_EVERY).orElse(0) > 0,
                KEEP,
                "a number is one of checkpoints, and the run has none at steps of its own",
                "add --checkpoint-every with a number of steps");
    }

    public Path out() {
        return settings.get(OUT);
    }

    public long evalEvery() {
        return settings.get(EVAL_EVERY);
    }

    /**
     * Steps between checkpoints; 0 for none; empty for as often as costs next to nothing, so that a
     * kill costs little however long the run was.
     */
    public OptionalLong checkpointEvery() {
        return settings.get(CHECKPOINT_EVERY);
    }

    public Keep keep() {
        return settings.get(KEEP);
    }

    /** What tells the best evaluation. */
    public Metric evalMetric() {
        return settings.get(EVAL_METRIC);
    }

    /** Evaluations without a better one after which the run ends; empty for never. */
    public OptionalInt patience() {
        return RunOptions.optionalInt(settings.find(PATIENCE));
    }

    /** Time after which the run ends. */
    public Optional<Duration> maxTime() {
        return settings.find(MAX_TIME);
    }

    public boolean resume() {
        return settings.get(RESUME);
    }

    public Optional<Path> trace() {
        return settings.find(TRACE);
    }

    /** Who follows its figures. */
    public TrackConfig track() {
        return new TrackConfig(settings);
    }

    public OptionalInt metricsPort() {
        return RunOptions.optionalInt(settings.find(METRICS_PORT));
    }
}
