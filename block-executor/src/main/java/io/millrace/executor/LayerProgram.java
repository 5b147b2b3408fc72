package io.millrace.executor;

import io.millrace.executor.cpu.Activations;
import io.millrace.executor.cpu.Rows;
import io.millrace.executor.cpu.WorkerPool;
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
        LayerSpec layer = layers.get(index);
        int rows = sequences.tokenCount();
        switch (layer.order()) {
            case PRE -> {
                attend(
                        weights,
                        index,
                        norm(weights, layer.attentionNorm(), hidden, rows),
                        sequences);
                addAttention(weights, layer, hidden, rows);
                expand(weights, layer.mlp(), norm(weights, layer.mlpNorm(), hidden, rows), rows);
                addMlp(weights, layer, hidden, rows);
            }
            case POST -> {
                attend(weights, index, hidden, sequences);
                addAttention(weights, layer, hidden, rows);
                normalizer.run(weights, layer.attentionNorm(), hidden, hidden, rows);
                expand(weights, layer.mlp(), hidden, rows);
                addMlp(weights, layer, hidden, rows);
                normalizer.run(weights, layer.mlpNorm(), hidden, hidden, rows);
            }
            case PARALLEL -> {
                attend(
                        weights,
                        index,
                        norm(weights, layer.attentionNorm(), hidden, rows),
                        sequences);
                // Both parts read the hidden state before either adds to it.
                expand(weights, layer.mlp(), norm(weights, layer.mlpNorm(), hidden, rows), rows);
                addAttention(weights, layer, hidden, rows);
                addMlp(weights, layer, hidden, rows);
            }
        }
    }

    private Variants norm(FormedWeights weights, NormSpec spec, Variants hidden, int rows) {
        Variants normed = scratch.normed(spec.width(), rows);
        normalizer.run(weights, spec, hidden, normed, rows);
        return normed;
    }

    private void attend(FormedWeights weights, int index, Variants x, Sequences sequences) {
        LayerSpec layer = layers.get(index);
        attention.run(
                weights,
                layer.attention(),
                x,
                sequences,
                scratch.projected(index, sequences.past()),
                scratch.context(ScratchPlan.contextWidth(layer), sequences.tokenCount()));
    }

    private void addAttention(FormedWeights weights, LayerSpec layer, Variants hidden, int rows) {
        Variants context = scratch.context(ScratchPlan.contextWidth(layer), rows);
        add(weights, layer.attention().output(), layer.attentionOutNorm(), context, hidden, rows);
    }

    private void expand(FormedWeights weights, MlpSpec mlp, Variants x, int rows) {
        int width = mlp.up().outputs();
        Variants inner = scratch.inner(width, rows);
        linear.run(weights, mlp.up(), x, inner, rows, false);
        if (mlp.gate() == null) {
            RowTasks.run(
                    pool,
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
        Variants states = mlp.gate() == null ? scratch.inner(width, rows) : scratch.gate(width, rows);
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
