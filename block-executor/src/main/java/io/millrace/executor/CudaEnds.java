package io.millrace.executor;

import io.millrace.executor.CudaScratchPlan.Part;
import io.millrace.executor.cuda.CudaKernels;
import io.millrace.executor.cuda.CudaPanels;
import io.millrace.executor.cuda.DeviceMatrix;
import io.millrace.memory.DType;
import io.millrace.model.spec.EmbeddingSpec;
import io.millrace.model.spec.HeadSpec;
import io.millrace.model.spec.LinearSpec;

/** What comes before the first layer and after the last: embeddings, and the head in tiles. */
final class CudaEnds {
    private final CudaKernels kernels;
    private final CudaScratch scratch;
    private final CudaLinear linear;
    private final CudaLayers layers;
    private final CudaPanels panels;

    CudaEnds(CudaKernels kernels, CudaScratch scratch, CudaLinear linear, CudaLayers layers) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.linear = linear;
        this.layers = layers;
        panels = scratch.plan().panels();
    }

    /** Writes a micro-batch's hidden states; only the rows that are looked up are perturbed. */
    void embed(
            CudaWeights weights, EmbeddingSpec spec, CudaBatch.Tables batch, DeviceMatrix hidden) {
        LinearSpec projection = spec.projection();
        int rows = batch.rows();
        int table = weights.indexOf(spec.tokens());
        DeviceMatrix tokens =
                projection == null ? hidden : scratch.states(Part.NORMED, spec.width());
        weights.rows(table, new CudaPasses.Rows(batch.ids(), 0, rows, spec.scale(), false), tokens);
        if (projection != null) {
            linear.run(weights, projection, tokens, hidden, rows, false);
            layers.addBias(weights, projection, hidden, rows);
        }
        if (spec.positions() != null) {
            int positions = weights.indexOf(spec.positions());
            weights.rows(
                    positions,
                    new CudaPasses.Rows(batch.positions(), spec.positionOffset(), rows, 1f, true),
                    hidden);
        }
    }

    /** The states that logits are made from, of the head rows alone. */
    private DeviceMatrix headStates(
            CudaWeights weights, HeadSpec spec, CudaBatch.Tables batch, DeviceMatrix hidden) {
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
            CudaWeights weights,
            HeadSpec spec,
            CudaBatch.Tables batch,
            DeviceMatrix hidden,
            long losses) {
        DeviceMatrix x = headStates(weights, spec, batch, hidden);
        LinearSpec matrix = spec.logits();
        int scales = weights.scaleCount();
        int ids = panels.ids(matrix.outputs(), matrix.inputs());
        CudaLinear.Product product = linear.product(weights, matrix, x, batch.headRows());
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
                        losses + (long) row * CudaKernels.ROW_LOSS_BYTES,
                        scratch.lossRows(),
                        rows,
                        width,
                        id,
                        spec.softcap(),
                        scales);
            }
        }
        product.finish();
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
            CudaWeights weights,
            HeadSpec spec,
            CudaBatch.Tables batch,
            DeviceMatrix hidden,
            LogitRows taker) {
        DeviceMatrix x = headStates(weights, spec, batch, hidden);
        LinearSpec matrix = spec.logits();
        int vocabulary = matrix.outputs();
        int ids = panels.ids(vocabulary, matrix.inputs());
        CudaLinear.Product product = linear.product(weights, matrix, x, batch.headRows());
        int atOnce = Math.toIntExact(scratch.plan().logitElements() / vocabulary);
        DeviceMatrix logits =
                new DeviceMatrix(scratch.address(Part.LOGITS), 0, vocabulary, DType.F32);
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
        product.finish();
    }
}
