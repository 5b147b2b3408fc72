package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.memory.DType;
import io.millrace.model.spec.EmbeddingSpec;
import io.millrace.model.spec.HeadSpec;
import io.millrace.model.spec.LinearSpec;

/** What comes before the first layer and after the last: embeddings, and the head in tiles. */
final class EndKernels {
    private final DeviceKernels kernels;
    private final DeviceScratch scratch;
    private final DeviceLinear linear;
    private final LayerKernels layers;
    private final PanelSizes panels;

    EndKernels(
            DeviceKernels kernels,
            DeviceScratch scratch,
            DeviceLinear linear,
            LayerKernels layers) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.linear = linear;
        this.layers = layers;
        panels = scratch.plan().panels();
    }

    /** Writes a micro-batch's hidden states; only the rows that are looked up are perturbed. */
    void embed(
            DeviceWeights weights,
            EmbeddingSpec spec,
            BatchUpload.Tables batch,
            DeviceMatrix hidden) {
        LinearSpec projection = spec.projection();
        int rows = batch.rows();
        int table = weights.indexOf(spec.tokens());
        DeviceMatrix tokens =
                projection == null ? hidden : scratch.states(Part.NORMED, spec.width());
        weights.rows(
                table, new DevicePasses.Rows(batch.ids(), 0, rows, spec.scale(), false), tokens);
        if (projection != null) {
            linear.run(weights, projection, tokens, hidden, rows, false);
            layers.addBias(weights, projection, hidden, rows);
        }
        if (spec.positions() != null) {
            int positions = weights.indexOf(spec.positions());
            weights.rows(
                    positions,
                    new DevicePasses.Rows(batch.positions(), spec.positionOffset(), rows, 1f, true),
                    hidden);
        }
    }

    /** The states that logits are made from, of the head rows alone. */
    private DeviceMatrix headStates(
            DeviceWeights weights, HeadSpec spec, BatchUpload.Tables batch, DeviceMatrix hidden) {
        int rows = batch.headRows();
        DeviceMatrix x;
        if (spec.norm() == null) {
            int width = Math.toIntExact(hidden.rowStride());
            x = scratch.states(Part.NORMED, width);
            kernels.pick(hidden, batch.picks(), x, rows, width, weights.scaleCount());
        } else {
            x = layers.normPicked(weights, spec.norm(), hidden, batch.picks(), rows);
        }
        if (spec.projection() == null) {
            return x;
        }
        DeviceMatrix projected = scratch.states(Part.CONTEXT, spec.projection().outputs());
        linear.run(weights, spec.projection(), x, projected, rows, false);
        layers.addBias(weights, spec.projection(), projected, rows);
        return projected;
    }

    /**
     * Takes the logits of a micro-batch's head rows into their losses, a tile at a time.
     *
     * @param losses address of the first scale's first row
     */
    void losses(
            DeviceWeights weights,
            HeadSpec spec,
            BatchUpload.Tables batch,
            DeviceMatrix hidden,
            long losses) {
        DeviceMatrix x = headStates(weights, spec, batch, hidden);
        LinearSpec matrix = spec.logits();
        int scales = weights.scaleCount();
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
                    kernels.loss(
                            logits,
                            batch.targets() + (long) row * Integer.BYTES,
                            losses + (long) row * DeviceKernels.ROW_LOSS_BYTES,
                            scratch.lossRows(),
                            rows,
                            width,
                            id,
                            spec.softcap(),
                            scales);
                }
            }
        }
    }

    /** Takes whole rows of logits of one scale. */
    interface LogitRows {
        /**
         * Takes some rows.
         *
         * @param first which head row comes first
         * @param count how many
         * @param address where the first one's float32 logits begin, once the stream gets there
         */
        void accept(int first, int count, long address);
    }

    /** Makes whole rows of logits, for a probe of one scale. */
    void logits(
            DeviceWeights weights,
            HeadSpec spec,
            BatchUpload.Tables batch,
            DeviceMatrix hidden,
            LogitRows taker) {
        DeviceMatrix x = headStates(weights, spec, batch, hidden);
        LinearSpec matrix = spec.logits();
        int vocabulary = matrix.outputs();
        int ids = panels.ids(vocabulary, matrix.inputs());
        int atOnce = Math.toIntExact(scratch.plan().logitElements() / vocabulary);
        DeviceMatrix logits =
                new DeviceMatrix(scratch.address(Part.LOGITS), 0, vocabulary, DType.F32);
        try (DeviceLinear.Product product = linear.product(weights, matrix, x, batch.headRows())) {
            for (int first = 0; first < batch.headRows(); first += atOnce) {
                int rows = Math.min(atOnce, batch.headRows() - first);
                for (int id = 0; id < vocabulary; id += ids) {
                    int width = Math.min(ids, vocabulary - id);
                    product.panel(id, width);
                    product.multiply(first, rows, logits.column(id), false);
                }
                if (spec.softcap() != 0) {
                    kernels.softcap(spec.softcap(), logits, rows, vocabulary, 1);
                }
                taker.accept(first, rows, logits.address());
            }
        }
    }
}
