package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.DecoderWidths;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.LayerOrder;
import io.millrace.executor.step.Sequences;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.MlpSpec;
import io.millrace.model.spec.NormSpec;
import java.util.List;

/** One block's arithmetic over a micro-batch, for every scale of a probe. */
final class LayerProgram {
    private final WorkerPool pool;
    private final Scratch scratch;
    private final LinearProgram linear;
    private final Normalizer normalizer;
    private final AttentionProgram attention;
    private final List<LayerSpec> layers;

    LayerProgram(
            WorkerPool pool,
            Scratch scratch,
            LinearProgram linear,
            Normalizer normalizer,
            AttentionProgram attention,
            List<LayerSpec> layers) {
        this.pool = pool;
        this.scratch = scratch;
        this.linear = linear;
        this.normalizer = normalizer;
        this.attention = attention;
        this.layers = layers;
    }

    /**
     * Runs one block in place.
     *
     * @param weights the block's weights as the probe wants them
     * @param index which layer
     * @param hidden [tokens, hidden] for every scale; read and written
     * @param sequences which tokens belong together
     */
    void run(FormedWeights weights, int index, Variants hidden, Sequences sequences) {
        LayerOrder.run(layers.get(index), new Block(weights, index, hidden, sequences));
    }

    /** One block's parts over one micro-batch. */
    private final class Block implements LayerOrder.Parts {
        private final FormedWeights weights;
        private final int index;
        private final LayerSpec layer;
        private final Variants hidden;
        private final Sequences sequences;
        private final int rows;
        private Variants input; // of attention and of the feed-forward part

        Block(FormedWeights weights, int index, Variants hidden, Sequences sequences) {
            this.weights = weights;
            this.index = index;
            this.hidden = hidden;
            this.sequences = sequences;
            layer = layers.get(index);
            rows = sequences.tokenCount();
        }

        @Override
        public void norm(NormSpec spec) {
            input = scratch.normed(spec.width(), rows);
            normalizer.run(weights, spec, hidden, input, rows);
        }

        @Override
        public void passOn() {
            input = hidden;
        }

        @Override
        public void normInPlace(NormSpec spec) {
            normalizer.run(weights, spec, hidden, hidden, rows);
        }

        @Override
        public void attend() {
            LayerProgram.this.attend(weights, index, input, sequences);
        }

        @Override
        public void addAttention() {
            LayerProgram.this.addAttention(weights, layer, hidden, rows);
        }

        @Override
        public void expand(MlpSpec spec) {
            LayerProgram.this.expand(weights, spec, input, rows);
        }

        @Override
        public void addMlp() {
            LayerProgram.this.addMlp(weights, layer, hidden, rows);
        }
    }

    private void attend(FormedWeights weights, int index, Variants x, Sequences sequences) {
        LayerSpec layer = layers.get(index);
        attention.run(
                weights,
                layer.attention(),
                x,
                sequences,
                scratch.projected(index, sequences.past()),
                scratch.context(DecoderWidths.contextWidth(layer), sequences.tokenCount()));
    }

    private void addAttention(FormedWeights weights, LayerSpec layer, Variants hidden, int rows) {
        Variants context = scratch.context(DecoderWidths.contextWidth(layer), rows);
        add(weights, layer.attention().output(), layer.attentionOutNorm(), context, hidden, rows);
    }

    private void expand(FormedWeights weights, MlpSpec mlp, Variants x, int rows) {
        int width = mlp.up().outputs();
        Variants inner = scratch.inner(width, rows);
        linear.run(weights, mlp.up(), x, inner, rows, false);
        if (mlp.gate() == null) {
            RowTasks.run(
                    pool,
                    Operator.ACTIVATION,
                    weights.scaleCount(),
                    rows,
                    width,
                    (scale, from, to, worker) -> {
                        Floats states = inner.of(scale).at((long) from * width);
                        Activations.apply(
                                mlp.activation(),
                                states.segment(),
                                states.start(),
                                states.segment(),
                                states.start(),
                                (long) (to - from) * width);
                    });
        } else {
            Variants gate = scratch.gate(width, rows);
            linear.run(weights, mlp.gate(), x, gate, rows, false);
            gate(weights.scaleCount(), mlp, gate, inner, rows);
        }
    }

    private void gate(int scales, MlpSpec mlp, Variants gate, Variants inner, int rows) {
        int width = mlp.up().outputs();
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                scales,
                rows,
                width,
                (scale, from, to, worker) -> {
                    Floats gates = gate.of(scale).at((long) from * width);
                    Floats ups = inner.of(scale).at((long) from * width);
                    Activations.gated(
                            mlp.activation(),
                            gates.segment(),
                            gates.start(),
                            ups.segment(),
                            ups.start(),
                            gates.segment(),
                            gates.start(),
                            (long) (to - from) * width);
                });
    }

    private void addMlp(FormedWeights weights, LayerSpec layer, Variants hidden, int rows) {
        MlpSpec mlp = layer.mlp();
        int width = mlp.up().outputs();
        // A gated product was left where the gate's states were.
        Variants states =
                mlp.gate() == null ? scratch.inner(width, rows) : scratch.gate(width, rows);
        add(weights, mlp.down(), layer.mlpOutNorm(), states, hidden, rows);
    }

    /** {@code hidden += norm(linear(x))}; without a norm the product adds by itself. */
    private void add(
            FormedWeights weights,
            LinearSpec output,
            NormSpec outNorm,
            Variants x,
            Variants hidden,
            int rows) {
        if (outNorm == null) {
            linear.run(weights, output, x, hidden, rows, true);
            return;
        }
        int width = output.outputs();
        Variants result = scratch.normed(width, rows);
        linear.run(weights, output, x, result, rows, false);
        normalizer.run(weights, outNorm, result, result, rows);
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                weights.scaleCount(),
                rows,
                width,
                (scale, from, to, worker) -> {
                    Floats in = result.of(scale).at((long) from * width);
                    Floats out = hidden.of(scale).at((long) from * width);
                    long count = (long) (to - from) * width;
                    Rows.add(in.segment(), in.start(), out.segment(), out.start(), count);
                });
    }
}
