package io.millrace.model.adapter.peft;

import io.millrace.model.adapter.LoraPart;
import java.util.List;

/**
 * What a merge made.
 *
 * @param matrices each changed matrix, sorted by module
 * @param bytes of all weights that were written
 */
public record MergedAdapter(List<Matrix> matrices, long bytes) {
    /** Freezes the list. */
    public MergedAdapter {
        matrices = List.copyOf(matrices);
    }

    /**
     * One changed matrix.
     *
     * @param part its module, shape and rank
     * @param scale what B A was multiplied by
     * @param dtype what it is stored as, such as {@code BF16}
     */
    public record Matrix(LoraPart part, double scale, String dtype) {}
}
