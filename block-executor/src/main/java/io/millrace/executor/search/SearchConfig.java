package io.millrace.executor.search;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A search among directions around a model.
 *
 * @param model Hugging Face folder of the base model
 * @param out folder for the model that is found
 * @param data what directions are scored on
 * @param choice how many are tried and kept
 * @param arithmetic seed, ε, what z is drawn from, what is tuned, and the objective; its rate is ε
 * @param memory where the bytes may be
 * @param resume whether to go on with the scores that the folder holds
 */
public record SearchConfig(
        Path model,
        Path out,
        Data data,
        Choice choice,
        ArithmeticConfig arithmetic,
        MemoryConfig memory,
        boolean resume) {
    private static final Limit<Number> SOME = Limit.atLeast(1);

    /** Checks what the parts cannot see alone. */
    public SearchConfig {
        GivenPaths.requireFolder("--out", out);
    }

    /**
     * What directions are scored on.
     *
     * @param file the examples
     * @param heldOut what base and result are evaluated on, if anything
     * @param task how an example becomes tokens
     * @param batchSize examples that pass through the model together
     */
    public record Data(Path file, Optional<Path> heldOut, TaskConfig task, int batchSize) {
        /** Checks the batch. */
        public Data {
            DataConfig.BATCH_SIZE.require(batchSize);
        }
    }

    /**
     * How many directions.
     *
     * @param directions that are tried
     * @param keep the best, whose mean is the result
     * @param together that pass through a block together
     */
    public record Choice(int directions, int keep, int together) {
        /** Checks the numbers. */
        public Choice {
            SOME.require(directions, "--directions");
            SOME.require(keep, "--keep");
            SOME.require(together, "--together");
            if (keep > directions) {
                throw new BadInputException(
                        "--keep",
                        keep + " exceeds the " + directions + " directions that are tried",
                        "give at most " + directions);
            }
        }
    }
}
