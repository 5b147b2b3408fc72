package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One evaluation.
 *
 * @param model Hugging Face folder
 * @param data a data file, or a folder of them
 * @param asked what to compute, and how
 * @param task how an example becomes tokens
 * @param batchSize examples that pass through a block together
 * @param memory where the bytes may be
 * @param adapter folder of an adapter beside the model, if there is one
 */
public record EvalConfig(
        Path model,
        Path data,
        Asked asked,
        TaskConfig task,
        int batchSize,
        MemoryConfig memory,
        Optional<Path> adapter) {
    private static final Limit<Number> SOME = Limit.atLeast(1);

    /**
     * What to compute.
     *
     * @param metric the figure that is asked for; the task's own, or the loss, where empty
     * @param stride of running text: new tokens of each window, the others being there to be read;
     *     windows do not overlap where empty
     * @param demonstrations solved rows that stand before each that is asked, and where they are
     *     from
     * @param maxNewTokens most tokens of a written answer
     */
    public record Asked(
            Optional<Metric> metric,
            OptionalInt stride,
            Optional<Demonstrations> demonstrations,
            int maxNewTokens) {
        /** Checks the numbers. */
        public Asked {
            stride.ifPresent(tokens -> SOME.require(tokens, "--stride"));
            SOME.require(maxNewTokens, "--max-new-tokens");
        }

        /** One figure. */
        public static Asked of(Metric metric) {
            return new Asked(Optional.of(metric), OptionalInt.empty(), Optional.empty(), 50);
        }
    }

    /**
     * Solved rows of a task.
     *
     * @param each how many stand before a row
     * @param pool file or folder that they are drawn from
     */
    public record Demonstrations(int each, Path pool) {
        /** Checks the number. */
        public Demonstrations {
            SOME.require(each, "--demonstrations");
        }
    }

    /** Checks every field. */
    public EvalConfig {
        DataConfig.BATCH_SIZE.require(batchSize);
        if (task.draws()) {
            throw new BadInputException(
                    "--sample-train, --sample-dev and --shots",
                    "are for tuning",
                    "give --sample-eval, or leave them out");
        }
        if (asked.demonstrations().isPresent() && task.task().isEmpty()) {
            throw new BadInputException(
                    "--demonstrations",
                    "are given without --task",
                    "add --task, or leave them out");
        }
    }

    /** Of a model by itself, one figure. */
    public EvalConfig(
            Path model,
            Path data,
            Metric metric,
            TaskConfig task,
            int batchSize,
            MemoryConfig memory) {
        this(model, data, Asked.of(metric), task, batchSize, memory, Optional.empty());
    }
}
