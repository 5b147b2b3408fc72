package io.millrace.executor;

import io.millrace.executor.cpu.Activations;
import io.millrace.executor.cpu.Attention;
import io.millrace.executor.cpu.Norms;
import io.millrace.executor.cpu.Rotary;
import io.millrace.executor.cpu.WorkerPool;
import io.millrace.model.spec.AttentionSpec;
import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.MlpSpec;
import io.millrace.model.spec.NormSpec;

/** One block's arithmetic over a micro-batch, for every scale of a probe. */
final class LayerProgram {
    private final WorkerPool pool;
    private final Scratch scratch;
    private final Linear linear;
    private final RotaryTables rotaryTables;

    LayerProgram(WorkerPool pool, Scratch scratch, Linear linear, RotaryTables rotaryTables) {
        this.pool = pool;
        this.scratch = scratch;
        this.linear = linear;
        this.rotaryTables = rotaryTables;
    }

    /**
     * Runs one block in place.
     *
     * @param weights the block's weights as the probe wants them
     * @param layer the block
     * @param hidden [tokens, hidden] for every scale; read and written
     * @param sequences which tokens belong together
     * @param projected where rows of projections go; keys and values of {@code sequences.past()}
     *     earlier tokens lie before them
     */
    void run(
            FormedWeights weights,
            LayerSpec layer,
            Variants hidden,
            Sequences sequences,
            Variants projected) {
        int rows = sequences.tokenCount();
        switch (layer.order()) {
            case PRE -> {
                attend(weights, layer, norm(weights, layer.attentionNorm(), hidden, rows), sequences, projected);
                addAttention(weights, layer, hidden, rows);
                Variants normed = norm(weights, layer.mlpNorm(), hidden, rows);
                expand(weights, layer.mlp(), normed, rows);
                addMlp(weights, layer, hidden, rows);
            }
            case POST -> {
                attend(weights, layer, hidden, sequences, projected);
                addAttention(weights, layer, hidden, rows);
                normInPlace(weights, layer.attentionNorm(), hidden, rows);
                expand(weights, layer.mlp(), hidden, rows);
                addMlp(weights, layer, hidden, rows);
                normInPlace(weights, layer.mlpNorm(), hidden, rows);
            }
            case PARALLEL -> {
                attend(weights, layer, norm(weights, layer.attentionNorm(), hidden, rows), sequences, projected);
                expand(weights, layer.mlp(), norm(weights, layer.mlpNorm(), hidden, rows), rows);
                addAttention(weights, layer, hidden, rows);
                addMlp(weights, layer, hidden, rows);
            }
        }
    }

    private void attend(
            FormedWeights weights,
            LayerSpec layer,
            Variants x,
            Sequences sequences,
            Variants projected) {
        AttentionSpec attention = layer.attention();
        int rows = sequences.tokenCount();
        int column = 0;
        for (LinearSpec projection : attention.projections()) {
            linear.run(weights, projection, x, projected.column(column), rows, false);
            column += projection.outputs();
        }
        headNorm(weights, attention, attention.queryNorm(), projected, rows, true);
        headNorm(weights, attention, attention.keyNorm(), projected, rows, false);
        if (attention.rope() != null) {
            rotate(attention, sequences, projected);
        }
        attentionCore(attention, sequences, projected, weights.scaleCount());
    }

    private void addAttention(
            FormedWeights weights, LayerSpec layer, Variants hidden, int rows) {
        add(weights, layer.attention().output(), layer.attentionOutNorm(), scratch.context(), hidden, rows);
    }

    private void expand(FormedWeights weights, MlpSpec mlp, Variants x, int rows) {
        linear.run(weights, mlp.up(), x, scratch.inner(), rows, false);
        if (mlp.gate() != null) {
            linear.run(weights, mlp.gate(), x, scratch.gate(), rows, false);
        }
        activate(mlp, weights.scaleCount(), rows);
    }

    private void addMlp(FormedWeights weights, LayerSpec layer, Variants hidden, int rows) {
        add(weights, layer.mlp().down(), layer.mlpOutNorm(), scratch.inner(), hidden, rows);
    }

    /** {@code hidden += norm(linear(x))}; without a norm the GEMM adds by itself. */
    private void add(
            FormedWeights weights,
            LinearSpec spec,
            NormSpec outNorm,
            Variants x,
            Variants hidden,
            int rows) {
        if (outNorm == null) {
            linear.run(weights, spec, x, hidden, rows, true);
            return;
        }
        Variants result = scratch.normed();
        linear.run(weights, spec, x, result, rows, false);
        normInPlace(weights, outNorm, result, rows);
        for (int scale = 0; scale < weights.scaleCount(); scale++) {
            Floats from = result.of(scale);
            Floats to = hidden.of(scale);
            Rows.add(from.segment(), from.start(), to.segment(), to.start(), (long) rows * spec.outputs());
        }
    }
}
