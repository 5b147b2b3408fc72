package io.millrace.executor.plan;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.objective.Scoring;
import io.millrace.memory.BadInputException;
import io.millrace.optim.objective.CandidateObjective;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Optional;
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
 * @param adapters runs of such an adapter that share passes over one base; 1 for one alone
 */
public record PlanOptions(
        int batchSize,
        OptionalInt microBatch,
        OptionalInt seqLen,
        ArithmeticConfig arithmetic,
        MemoryConfig memory,
        int sequencesEach,
        int adapters) {
    /** Checks what its parts do not check for themselves. */
    public PlanOptions {
        DataConfig.checkBatch(batchSize, microBatch.orElse(batchSize));
        TaskConfig.checkLength(seqLen);
        if (adapters > 1) {
            ManyConfigs.requireBeside(arithmetic);
        }
    }

    /** Those of one run where an example is one sequence. */
    public PlanOptions(
            int batchSize,
            OptionalInt microBatch,
            OptionalInt seqLen,
            ArithmeticConfig arithmetic,
            MemoryConfig memory) {
        this(batchSize, microBatch, seqLen, arithmetic, memory, 1, 1);
    }

    /**
     * Those that a run was told, which has no data yet that tell how many candidates an example
     * has: with an objective that asks all of them, its label words do.
     *
     * @param told of the run
     * @param arithmetic what its steps compute
     * @throws BadInputException where a run would be refused with them, or says no words
     */
    public static PlanOptions of(Settings told, ArithmeticConfig arithmetic) {
        return of(told, arithmetic, candidates(told, arithmetic));
    }

    /** The same of a run whose examples are known to pass as so many sequences each. */
    public static PlanOptions of(Settings told, ArithmeticConfig arithmetic, int sequencesEach) {
        return new PlanOptions(
                told.get(DataConfig.BATCH_SIZE),
                optional(told.find(DataConfig.MICRO_BATCH)),
                optional(told.find(TaskConfig.SEQ_LEN)),
                arithmetic,
                new MemoryConfig(told),
                sequencesEach,
                told.find(ManyConfigs.ADAPTERS).orElse(1));
    }

    private static int candidates(Settings told, ArithmeticConfig arithmetic) {
        if (!(arithmetic.objective() instanceof CandidateObjective objective)) {
            return 1;
        }
        return told.find(TaskConfig.LABEL_WORDS)
                .map(List::size)
                .orElseThrow(() ->
                        new BadInputException(
                                TaskConfig.LABEL_WORDS.spelled(),
                                objective.name() + " takes an example through once a word",
                                "give those of the run"));
    }

    private static OptionalInt optional(Optional<Integer> given) {
        return given.map(OptionalInt::of).orElse(OptionalInt.empty());
    }

    /** Sequences of a batch. */
    int batchSequences() {
        return Scoring.sequences(batchSize, sequencesEach);
    }

    /** Sequences of a micro-batch; of the whole batch where none was chosen. */
    int microBatchSequences() {
        return Scoring.sequences(microBatch.orElse(batchSize), sequencesEach);
    }

    /** The same for several runs that share passes. */
    public PlanOptions withAdapters(int count) {
        return new PlanOptions(
                batchSize, microBatch, seqLen, arithmetic, memory, sequencesEach, count);
    }

    PlanOptions withMemory(MemoryConfig other) {
        return new PlanOptions(
                batchSize, microBatch, seqLen, arithmetic, other, sequencesEach, adapters);
    }

    PlanOptions withMicroBatch(int sequences) {
        return new PlanOptions(
                batchSize,
                OptionalInt.of(sequences),
                seqLen,
                arithmetic,
                memory,
                sequencesEach,
                adapters);
    }

    PlanOptions withBatch(int sequences) {
        return new PlanOptions(
                sequences, microBatch, seqLen, arithmetic, memory, sequencesEach, adapters);
    }

    PlanOptions withFoldEvery(int steps) {
        return new PlanOptions(
                batchSize,
                microBatch,
                seqLen,
                arithmetic.withFoldEvery(steps),
                memory,
                sequencesEach,
                adapters);
    }
}
