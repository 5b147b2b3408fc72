package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.memory.DType;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;

/** Logits of head rows, in tiles of the vocabulary or in whole rows, and their losses. */
final class ScoreKernels {
    private static final int BIAS = 0; // of the vectors of a block

    private final DeviceKernels kernels;
    private final DeviceScratch scratch;
    private final DeviceLinear linear;
    private final PanelSizes panels;

    ScoreKernels(DeviceKernels kernels, DeviceScratch scratch, DeviceLinear linear) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.linear = linear;
        panels = scratch.plan().panels();
    }

    /** Takes losses or logits of a micro-batch. */
    void run(Op.Score op, LaunchFrame frame, DeviceMatrix x) {
        if (frame.logits().isPresent()) {
            logits(frame.weights(), op, frame.batch(), x, frame.logits().get());
        } else {
            losses(frame.weights(), op, frame.batch(), x, frame.losses());
        }
    }

    /**
     * Takes the logits of a micro-batch's head rows into their losses, a tile at a time.
     *
     * @param losses address of the first scale's first row
     */
    private void losses(
            DeviceWeights weights,
            Op.Score op,
            BatchUpload.Tables batch,
            DeviceMatrix x,
            long losses) {
        LinearSpec matrix = op.logits();
        int scales = weights.scaleCount();
        long bias = weights.vector(BIAS, matrix.bias());
        int ids = panels.ids(matrix.outputs(), matrix.inputs());
        try (DeviceLinear.Product product = linear.product(weights, matrix, x, batch.headRows())) {
            for (int id = 0; id < matrix.outputs(); id += ids) {
                int width = Math.min(ids, matrix.outputs() - id);
                product.panel(id, width);
                for (int row = 0; row < batch.headRows(); row += panels.logitRows()) {
                    int rows = Math.min(panels.logitRows(), batch.headRows() - row);
                    DeviceMatrix logits =
                            new DeviceMatrix(
                                    scratch.address(Part.LOGITS),
                                    (long) rows * width,
                                    width,
                                    DType.F32);
                    product.multiply(row, rows, logits, false);
                    addBias(bias, matrix, id, logits, rows, width, scales);
                    kernels.loss(
                            logits,
                            batch.targets() + (long) row * Integer.BYTES,
                            losses + (long) row * DeviceKernels.ROW_LOSS_BYTES,
                            scratch.lossRows(),
                            rows,
                            width,
                            id,
                            op.softcap(),
                            scales);
                }
            }
        }
    }

    /** Adds what the head has for some ids, if anything. */
    private void addBias(
            long bias,
            LinearSpec matrix,
            int firstId,
            DeviceMatrix logits,
            int rows,
            int width,
            int scales) {
        if (bias != 0) {
            long first = bias + (long) firstId * Float.BYTES;
            kernels.addBias(logits, first, matrix.outputs(), rows, width, scales);
        }
    }

    /** Takes whole rows of logits of one scale. */
    interface LogitRows {
        /**
         * Takes some rows.
         *
         * @param first which head row comes first
         * @param count how many
         * @param width ids of the vocabulary
         * @param address where the first one's float32 logits begin, once the stream gets there
         */
        void accept(int first, int count, int width, long address);
    }

    /** Makes whole rows of logits, for a query of one scale. */
    private void logits(
            DeviceWeights weights,
            Op.Score op,
            BatchUpload.Tables batch,
            DeviceMatrix x,
            LogitRows taker) {
        LinearSpec matrix = op.logits();
        int vocabulary = matrix.outputs();
        int ids = panels.ids(vocabulary, matrix.inputs());
        long bias = weights.vector(BIAS, matrix.bias());
        int atOnce = Math.toIntExact(scratch.plan().logitElements() / vocabulary);
        DeviceMatrix logits =
                new DeviceMatrix(scratch.address(Part.LOGITS), 0, vocabulary, DType.F32);
        try (DeviceLinear.Product product = linear.product(weights, matrix, x, batch.headRows())) {
            for (int first = 0; first < batch.headRows(); first += atOnce) {
                int rows = Math.min(atOnce, batch.headRows() - first);
                for (int id = 0; id < vocabulary; id += ids) {
                    int width = Math.min(ids, vocabulary - id);
                    product.panel(id, width);
                    DeviceMatrix panel = logits.column(id);
                    product.multiply(first, rows, panel, false);
                    addBias(bias, matrix, id, panel, rows, width, 1);
                }
                if (op.softcap() != 0) {
                    kernels.softcap(op.softcap(), logits, rows, vocabulary, 1);
                }
                taker.accept(first, rows, vocabulary, logits.address());
            }
        }
    }
}
