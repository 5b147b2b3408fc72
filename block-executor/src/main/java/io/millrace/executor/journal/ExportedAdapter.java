package io.millrace.executor.journal;

import io.millrace.memory.DType;
import java.util.List;
import java.util.Optional;

/**
 * An adapter that was made of a run.
 *
 * @param steps of the run
 * @param windows of the run, the last one maybe cut short
 * @param rank of the whole change of a matrix
 * @param matrices what each module got
 * @param relativeError of all that were cut down together
 * @param dropped what was left out, if anything was
 * @param rounded the 16-bit type to which the run rounded its weights, which the adapter does not
 *     show
 * @param hostBytes memory that the factors of one matrix took
 */
public record ExportedAdapter(
        long steps,
        int windows,
        int rank,
        List<Matrix> matrices,
        double relativeError,
        Optional<TrainedVectors> dropped,
        Optional<DType> rounded,
        long hostBytes) {
    /** Freezes the list. */
    public ExportedAdapter {
        matrices = List.copyOf(matrices);
    }

    /**
     * The LoRA beside one module.
     *
     * @param module path of the module
     * @param rows of the matrix as it is stored
     * @param columns of the matrix as it is stored
     * @param rank what it got
     * @param relativeError Frobenius norm of what that lacks, over that of the whole change
     */
    public record Matrix(String module, long rows, long columns, int rank, double relativeError) {}
}
