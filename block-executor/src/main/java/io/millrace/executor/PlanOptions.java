package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The options of a run as far as they decide what it costs.
 *
 * @param batchSize sequences a step
 * @param microBatch sequences that pass through a block together; the planner's choice where empty
 * @param seqLen tokens of a sequence; the model's limit, at most 2,048, where empty
 * @param queries directions a step
 * @param perturbation what z is drawn from
 * @param foldEvery steps between rounding updates into the stored weights
 * @param matmul what products compute on
 * @param dtype what weights are stored in; as the model has it where empty
 * @param memory budgets and device
 */
public record PlanOptions(
        int batchSize,
        OptionalInt microBatch,
        OptionalInt seqLen,
        int queries,
        String perturbation,
        int foldEvery,
        Matmul matmul,
        Optional<DType> dtype,
        MemoryConfig memory) {

    PlanOptions withMemory(MemoryConfig other) {
        return new PlanOptions(
                batchSize,
                microBatch,
                seqLen,
                queries,
                perturbation,
                foldEvery,
                matmul,
                dtype,
                other);
    }

    PlanOptions withMicroBatch(int sequences) {
        return new PlanOptions(
                batchSize,
                OptionalInt.of(sequences),
                seqLen,
                queries,
                perturbation,
                foldEvery,
                matmul,
                dtype,
                memory);
    }

    PlanOptions withBatch(int sequences) {
        return new PlanOptions(
                sequences,
                microBatch,
                seqLen,
                queries,
                perturbation,
                foldEvery,
                matmul,
                dtype,
                memory);
    }

    PlanOptions withFoldEvery(int steps) {
        return new PlanOptions(
                batchSize, microBatch, seqLen, queries, perturbation, steps, matmul, dtype, memory);
    }

    PlanOptions withQueries(int count) {
        return new PlanOptions(
                batchSize,
                microBatch,
                seqLen,
                count,
                perturbation,
                foldEvery,
                matmul,
                dtype,
                memory);
    }
}
