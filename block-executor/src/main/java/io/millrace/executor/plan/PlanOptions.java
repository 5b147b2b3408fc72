package io.millrace.executor.plan;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.objective.Scoring;
import java.util.OptionalInt;

/**
 * The options of a run as far as they decide what it costs, held to what a run is held to.
 *
 * @param batchSize sequences a step
 * @param microBatch sequences that pass through a block together; the planner's choice where empty
 * @param seqLen tokens of a sequence; the model's limit, at most 2,048, where empty
 * @param arithmetic what a step computes
 * @param memory budgets and device
 * @param sequencesEach sequences that an example passes as: its candidates, where all are asked
 */
public record PlanOptions(
        int batchSize,
        OptionalInt microBatch,
        OptionalInt seqLen,
        ArithmeticConfig arithmetic,
        MemoryConfig memory,
        int sequencesEach) {
    /** Checks what its parts do not check for themselves. */
    public PlanOptions {
        DataConfig.checkBatch(batchSize, microBatch.orElse(batchSize));
        TaskConfig.checkLength(seqLen);
    }

    /** The same where an example is one sequence. */
    public PlanOptions(
            int batchSize,
            OptionalInt microBatch,
            OptionalInt seqLen,
            ArithmeticConfig arithmetic,
            MemoryConfig memory) {
        this(batchSize, microBatch, seqLen, arithmetic, memory, 1);
    }

    /** Sequences of a batch. */
    int batchSequences() {
        return Scoring.sequences(batchSize, sequencesEach);
    }

    /** Sequences of a micro-batch; of the whole batch where none was chosen. */
    int microBatchSequences() {
        return Scoring.sequences(microBatch.orElse(batchSize), sequencesEach);
    }

    PlanOptions withMemory(MemoryConfig other) {
        return new PlanOptions(batchSize, microBatch, seqLen, arithmetic, other, sequencesEach);
    }

    PlanOptions withMicroBatch(int sequences) {
        return new PlanOptions(
                batchSize, OptionalInt.of(sequences), seqLen, arithmetic, memory, sequencesEach);
    }

    PlanOptions withBatch(int sequences) {
        return new PlanOptions(sequences, microBatch, seqLen, arithmetic, memory, sequencesEach);
    }

    PlanOptions withFoldEvery(int steps) {
        return new PlanOptions(
                batchSize,
                microBatch,
                seqLen,
                arithmetic.withFoldEvery(steps),
                memory,
                sequencesEach);
    }
}
