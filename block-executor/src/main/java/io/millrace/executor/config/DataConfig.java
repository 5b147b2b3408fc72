package io.millrace.executor.config;

import io.millrace.executor.config.data.SampleSettings;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Which examples a run sees, and how they are cut into batches.
 *
 * @param settings a value for each of {@link #TRAIN}, {@link #OPTIONS} and {@link
 *     TaskConfig#OPTIONS} that has one
 */
public record DataConfig(Settings settings) {
    /** A data file, or a folder of them, to tune on. */
    public static final Option<Path> TRAIN =
            Option.named("train", OptionTypes.PATH)
                    .label("FILE")
                    .help(
                            "Examples: JSON Lines, JSON, CSV, TSV, Parquet or text, packed or not;"
                                    + " or a folder of them.")
                    .build();

    /** Held-out file of the same kind. */
    public static final Option<Path> EVAL =
            Option.named("eval", OptionTypes.PATH).label("FILE").help("Held-out examples.").build();

    /** Fraction at the end of the training data that is held out. */
    public static final Option<Double> EVAL_SPLIT =
            Option.named("eval-split", OptionTypes.NUMBER)
                    .label("F")
                    .help("Hold out this fraction at the end of the training data.")
                    .limit(
                            new Limit<>(
                                    value -> value >= 0 && value < 1,
                                    value -> value + " is not a fraction",
                                    "give a number from 0 up to, not including, 1"))
                    .build();

    /** Examples a step. */
    public static final Option<Integer> BATCH_SIZE =
            Option.named("batch-size", OptionTypes.INTEGER)
                    .label("B")
                    .help("Examples a step.")
                    .usual(16)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** Examples that pass through a block together. */
    public static final Option<Integer> MICRO_BATCH =
            Option.named("micro-batch", OptionTypes.INTEGER)
                    .label("M")
                    .help(
                            "Examples that pass through a block together; bounds activation memory, not"
                                    + " the batch.")
                    .usually("the batch")
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** Whether each epoch has its own order. */
    public static final Option<Boolean> SHUFFLE =
            Option.named("shuffle", OptionTypes.FLAG)
                    .help("Take the examples in the order of the file.")
                    .usualUnsaid(true)
                    .decidesBytes()
                    .build();

    /** All but the training file and what makes tokens of examples. */
    public static final List<Option<?>> OPTIONS =
            List.of(EVAL, EVAL_SPLIT, BATCH_SIZE, MICRO_BATCH, SHUFFLE);

    private static final List<Option<?>> ALL =
            RunOptions.joined(List.of(List.of(TRAIN), OPTIONS, TaskConfig.OPTIONS));

    /** Fills in what is as usual, and checks what no option can see alone. */
    public DataConfig {
        int batch = settings.get(BATCH_SIZE);
        int together = settings.find(MICRO_BATCH).orElse(batch);
        settings = settings.with(MICRO_BATCH, together).complete(ALL);
        boolean splits = settings.find(EVAL_SPLIT).orElse(0.0) > 0;
        Check.that(
                !splits || !settings.has(EVAL),
                EVAL_SPLIT,
                "an evaluation file is given too",
                "give either --eval or --eval-split");
        Check.that(
                !splits || !settings.has(SampleSettings.TASK),
                EVAL_SPLIT,
                "a task holds rows out by itself",
                "leave one of them out");
        checkBatch(batch, together);
    }

    /**
     * Checks how a batch is cut.
     *
     * @param batchSize examples a step
     * @param microBatch examples that pass through a block together
     * @throws io.millrace.memory.BadInputException where no run could have them
     */
    public static void checkBatch(int batchSize, int microBatch) {
        BATCH_SIZE.require(batchSize);
        MICRO_BATCH.require(microBatch);
        Check.that(
                microBatch <= batchSize,
                MICRO_BATCH,
                microBatch + " exceeds the batch of " + batchSize,
                "give at most " + batchSize);
    }

    public Path train() {
        return settings.get(TRAIN);
    }

    public Optional<Path> eval() {
        return settings.find(EVAL);
    }

    /** Whether anything is held out: a file, a fraction, or what a task draws. */
    public boolean holdsOut() {
        return eval().isPresent() || evalSplit() > 0 || task().task().isPresent();
    }

    /** How an example becomes tokens. */
    public TaskConfig task() {
        return new TaskConfig(settings);
    }

    /** Fraction at the end of the training data that is held out, 0 for none. */
    public double evalSplit() {
        return settings.find(EVAL_SPLIT).orElse(0.0);
    }

    public int batchSize() {
        return settings.get(BATCH_SIZE);
    }

    public int microBatch() {
        return settings.get(MICRO_BATCH);
    }

    public boolean shuffle() {
        return settings.get(SHUFFLE);
    }
}
