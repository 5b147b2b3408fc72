package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.executor.step.DecoderWidths;
import io.millrace.executor.step.LayerOrder;
import io.millrace.memory.DType;
import io.millrace.model.spec.AttentionSpec;
import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.MlpSpec;
import io.millrace.model.spec.NormSpec;
import java.util.List;

/**
 * One block's arithmetic over a micro-batch, for every scale of a probe in each launch. The
 * residual stream is float32; what products read and most of what they write has the products'
 * type.
 */
final class LayerKernels {
    private static final int BIAS = 0;
    private static final int NORM_WEIGHT = 1;
    private static final int NORM_BIAS = 2;
    private static final int SECOND_BIAS = 3;

    private final DeviceKernels kernels;
    private final DeviceScratch scratch;
    private final DeviceLinear linear;
    private final List<LayerSpec> layers;

    LayerKernels(
            DeviceKernels kernels,
            DeviceScratch scratch,
            DeviceLinear linear,
            List<LayerSpec> layers) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.linear = linear;
        this.layers = layers;
    }

    /**
     * Runs one block in place.
     *
     * @param weights the block's weights as the probe wants them
     * @param index which layer
     * @param hidden [tokens, hidden] for every scale, float32; read and written
     * @param batch the micro-batch
     */
    void run(DeviceWeights weights, int index, DeviceMatrix hidden, BatchUpload.Tables batch) {
        LayerOrder.run(layers.get(index), new Block(weights, index, hidden, batch));
    }

    /** One block's parts over one micro-batch. */
    private final class Block implements LayerOrder.Parts {
        private final DeviceWeights weights;
        private final int index;
        private final LayerSpec layer;
        private final DeviceMatrix hidden;
        private final BatchUpload.Tables batch;
        private DeviceMatrix input; // of attention and of the feed-forward part

        Block(DeviceWeights weights, int index, DeviceMatrix hidden, BatchUpload.Tables batch) {
            this.weights = weights;
            this.index = index;
            this.hidden = hidden;
            this.batch = batch;
            layer = layers.get(index);
        }

        @Override
        public void norm(NormSpec spec) {
            input = scratch.states(Part.NORMED, spec.width());
            LayerKernels.this.norm(weights, spec, hidden, input, false, batch.rows());
        }

        @Override
        public void passOn() {
            input = asInput(weights, hidden, batch.rows());
        }

        @Override
        public void normInPlace(NormSpec spec) {
            LayerKernels.this.norm(weights, spec, hidden, hidden, false, batch.rows());
        }

        @Override
        public void attend() {
            LayerKernels.this.attend(weights, index, input, batch);
        }

        @Override
        public void addAttention() {
            LayerKernels.this.addAttention(weights, layer, hidden, batch.rows());
        }

        @Override
        public void expand(MlpSpec spec) {
            LayerKernels.this.expand(weights, spec, input, batch.rows());
        }

        @Override
        public void addMlp() {
            LayerKernels.this.addMlp(weights, layer, hidden, batch.rows());
        }
    }

    private void norm(
            DeviceWeights weights,
            NormSpec spec,
            DeviceMatrix in,
            DeviceMatrix out,
            boolean accumulate,
            int rows) {
        normPieces(weights, spec, in, 0, out, accumulate, rows, 1, 0);
    }

    private void normPieces(
            DeviceWeights weights,
            NormSpec spec,
            DeviceMatrix in,
            long pick,
            DeviceMatrix out,
            boolean accumulate,
            int rows,
            int pieces,
            int pieceStride) {
        long weight = weights.vector(NORM_WEIGHT, spec.weight());
        long bias = weights.vector(NORM_BIAS, spec.bias());
        kernels.norm(
                spec,
                in,
                pick,
                weight,
                bias,
                out,
                accumulate,
                rows,
                pieces,
                pieceStride,
                weights.scaleCount());
    }

    /** Norms the rows that are picked, into the products' type. */
    DeviceMatrix normPicked(
            DeviceWeights weights, NormSpec spec, DeviceMatrix hidden, long pick, int rows) {
        DeviceMatrix normed = scratch.states(Part.NORMED, spec.width());
        normPieces(weights, spec, hidden, pick, normed, false, rows, 1, 0);
        return normed;
    }

    /** Hidden states as products read them. */
    private DeviceMatrix asInput(DeviceWeights weights, DeviceMatrix hidden, int rows) {
        if (scratch.type() == DType.F32) {
            return hidden;
        }
        int width = Math.toIntExact(hidden.rowStride());
        DeviceMatrix converted = scratch.states(Part.NORMED, width);
        kernels.pick(hidden, 0, converted, rows, width, weights.scaleCount());
        return converted;
    }

    private void attend(
            DeviceWeights weights, int index, DeviceMatrix x, BatchUpload.Tables batch) {
        AttentionSpec spec = layers.get(index).attention();
        int scales = weights.scaleCount();
        int rows = batch.rows();
        int width = spec.rowWidth();
        DeviceMatrix projected = scratch.projected(index, batch.past(), width);
        project(weights, spec, x, projected, rows);
        if (spec.queryNorm() != null) {
            DeviceMatrix heads = projected.column(spec.queryStart());
            normPieces(
                    weights,
                    spec.queryNorm(),
                    heads,
                    0,
                    heads,
                    false,
                    rows,
                    spec.heads(),
                    spec.queryStride());
        }
        if (spec.keyNorm() != null) {
            DeviceMatrix heads = projected.column(spec.keyStart());
            normPieces(
                    weights,
                    spec.keyNorm(),
                    heads,
                    0,
                    heads,
                    false,
                    rows,
                    spec.kvHeads(),
                    spec.keyStride());
        }
        if (spec.rope() != null) {
            long table = scratch.rotary(spec.rope());
            kernels.rotate(spec, projected, table, batch.positions(), rows, scales);
        }
        kernels.attend(
                spec,
                projected,
                batch.past(),
                batch.starts(),
                batch.sequences(),
                batch.longest(),
                scratch.states(Part.CONTEXT, DecoderWidths.contextWidth(layers.get(index))),
                scales);
    }

    /** All projections side by side, and their biases in one launch where each has one. */
    private void project(
            DeviceWeights weights,
            AttentionSpec spec,
            DeviceMatrix x,
            DeviceMatrix projected,
            int rows) {
        boolean all = spec.projections().stream().allMatch(each -> each.bias() != null);
        linear.runSideBySide(weights, spec.projections(), x, projected, rows);
        int column = 0;
        for (LinearSpec each : spec.projections()) {
            if (all) {
                long place = scratch.vector(BIAS) + (long) column * Float.BYTES;
                weights.vector(weights.indexOf(each.bias()), place, spec.rowWidth());
            } else if (each.bias() != null) {
                long bias = weights.vector(BIAS, each.bias());
                DeviceMatrix y = projected.column(column);
                kernels.activate(null, y, bias, rows, each.outputs(), weights.scaleCount());
            }
            column += each.outputs();
        }
        if (all) {
            kernels.activate(
                    null, projected, scratch.vector(BIAS), rows, column, weights.scaleCount());
        }
    }

    private void addAttention(
            DeviceWeights weights, LayerSpec layer, DeviceMatrix hidden, int rows) {
        DeviceMatrix context = scratch.states(Part.CONTEXT, DecoderWidths.contextWidth(layer));
        add(weights, layer.attention().output(), layer.attentionOutNorm(), context, hidden, rows);
    }

    private void expand(DeviceWeights weights, MlpSpec mlp, DeviceMatrix x, int rows) {
        int width = mlp.up().outputs();
        int scales = weights.scaleCount();
        DeviceMatrix inner = scratch.states(Part.INNER, width);
        linear.run(weights, mlp.up(), x, inner, rows, false);
        if (mlp.gate() == null) {
            long bias = weights.vector(BIAS, mlp.up().bias());
            kernels.activate(mlp.activation(), inner, bias, rows, width, scales);
            return;
        }
        DeviceMatrix gate = scratch.states(Part.GATE, width);
        linear.run(weights, mlp.gate(), x, gate, rows, false);
        long gateBias = weights.vector(BIAS, mlp.gate().bias());
        long upBias = weights.vector(SECOND_BIAS, mlp.up().bias());
        kernels.gated(mlp.activation(), gate, gateBias, inner, upBias, rows, width, scales);
    }

    private void addMlp(DeviceWeights weights, LayerSpec layer, DeviceMatrix hidden, int rows) {
        MlpSpec mlp = layer.mlp();
        // A gated product was left where the gate's states were.
        Part part = mlp.gate() == null ? Part.INNER : Part.GATE;
        DeviceMatrix states = scratch.states(part, mlp.up().outputs());
        add(weights, mlp.down(), layer.mlpOutNorm(), states, hidden, rows);
    }

    /** {@code hidden += norm(linear(x))}; without a norm the product adds by itself. */
    private void add(
            DeviceWeights weights,
            LinearSpec output,
            NormSpec outNorm,
            DeviceMatrix x,
            DeviceMatrix hidden,
            int rows) {
        boolean direct = outNorm == null;
        DeviceMatrix y = direct ? hidden : scratch.states(Part.RESULT, output.outputs());
        linear.run(weights, output, x, y, rows, direct);
        addBias(weights, output, y, rows);
        if (!direct) {
            norm(weights, outNorm, y, hidden, true, rows);
        }
    }

    /** Adds an operator's bias to what its product left. */
    void addBias(DeviceWeights weights, LinearSpec spec, DeviceMatrix y, int rows) {
        if (spec.bias() != null) {
            long bias = weights.vector(BIAS, spec.bias());
            kernels.activate(null, y, bias, rows, spec.outputs(), weights.scaleCount());
        }
    }
}
