package io.millrace.executor.cuda.kernel;

import io.millrace.model.spec.LinearSpec;
import java.util.List;

/**
 * How much of a large matrix exists at once in perturbed form, and of the logits. It decides the
 * shapes of products, and so belongs to the arithmetic: the same on every device.
 *
 * @param elements of a matrix, for each scale
 * @param logitRows rows of a tile of logits
 * @param logitColumns ids of a tile of logits
 */
public record PanelSizes(long elements, int logitRows, int logitColumns) {
    // Panels of outputs are multiples of this, so that products stay aligned.
    private static final int QUANTUM = 64;

    /** 64 MiB of bfloat16 a scale, and 32 MiB of logits a scale. */
    public static final PanelSizes DEFAULT = new PanelSizes(32L << 20, 1024, 8192);

    /** Outputs of a matrix of some width that are formed together. */
    public int outputs(int outputs, int inputs) {
        long fitting = elements / inputs / QUANTUM * QUANTUM;
        return (int) Math.min(outputs, Math.max(QUANTUM, fitting));
    }

    /** Whether matrices that read the same input are formed side by side, for one product. */
    public boolean stack(List<LinearSpec> specs) {
        long together = 0;
        for (LinearSpec spec : specs) {
            if (spec.inputMajor()) {
                return false;
            }
            together += (long) spec.outputs() * spec.inputs();
        }
        return specs.size() > 1 && together <= elements;
    }

    /** Ids whose logits are made together, of a vocabulary and a width of its vectors. */
    public int ids(int vocabulary, int inputs) {
        return Math.min(logitColumns, outputs(vocabulary, inputs));
    }
}
