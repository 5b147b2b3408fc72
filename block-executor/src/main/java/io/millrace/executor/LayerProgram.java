package io.millrace.executor;

import io.millrace.executor.cpu.CpuWorkers;
import io.millrace.model.spec.AttentionSpec;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.MlpSpec;
import io.millrace.model.spec.NormSpec;

/** One block's arithmetic over a micro-batch, for every scale of a probe. */
final class LayerProgram {
    private final CpuWorkers workers;
    private final Scratch scratch;
    private final PerturbedLinear linear;
    private final Normalizer normalizer;
    private final DecoderSpec spec;

    LayerProgram(
            CpuWorkers workers,
            Scratch scratch,
            PerturbedLinear linear,
            Normalizer normalizer,
            DecoderSpec spec) {
        this.workers = workers;
        this.scratch = scratch;
        this.linear = linear;
        this.normalizer = normalizer;
        this.spec = spec;
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
        LayerSpec layer = spec.layers().get(index);
        Variants projected = scratch.projected(index, sequences.past());
        Variants context = scratch.context(ScratchSize.contextWidth(layer));
        int rows = sequences.tokenCount();
        switch (layer.order()) {
            case PRE -> {
                Variants x = norm(weights, layer.attentionNorm(), hidden, rows);
                attend(weights, layer.attention(), x, sequences, projected, context);
                addAttention(weights, layer, context, hidden, rows);
                expand(weights, layer.mlp(), norm(weights, layer.mlpNorm(), hidden, rows), rows);
                addMlp(weights, layer, hidden, rows);
            }
            case POST -> {
                attend(weights, layer.attention(), hidden, sequences, projected, context);
                addAttention(weights, layer, context, hidden, rows);
                normalizer.run(weights, layer.attentionNorm(), hidden, hidden, rows);
                expand(weights, layer.mlp(), hidden, rows);
                addMlp(weights, layer, hidden, rows);
                normalizer.run(weights, layer.mlpNorm(), hidden, hidden, rows);
            }
            case PARALLEL -> {
                Variants x = norm(weights, layer.attentionNorm(), hidden, rows);
                attend(weights, layer.attention(), x, sequences, projected, context);
                expand(weights, layer.mlp(), norm(weights, layer.mlpNorm(), hidden, rows), rows);
                addAttention(weights, layer, context, hidden, rows);
                addMlp(weights, layer, hidden, rows);
            }
        }
    }

    private Variants norm(FormedWeights weights, NormSpec norm, Variants hidden, int rows) {
        Variants normed = scratch.normed(norm.width());
        normalizer.run(weights, norm, hidden, normed, rows);
        return normed;
    }

    private void attend(
            FormedWeights weights,
            AttentionSpec attention,
            Variants x,
            Sequences sequences,
            Variants projected,
            Variants context) {
        int rows = sequences.tokenCount();
        int column = 0;
        for (LinearSpec projection : attention.projections()) {
            linear.run(weights, projection, x, projected.column(column), rows, false);
            column += projection.outputs();
        }
        if (attention.queryNorm() != null) {
            Variants q = projected.column(attention.queryStart());
            normalizer.rows(weights, attention.queryNorm(), q, q, rows, attention.heads(), attention.queryStride());
            Variants k = projected.column(attention.keyStart());
            normalizer.rows(weights, attention.keyNorm(), k, k, rows, attention.kvHeads(), attention.keyStride());
        }
        for (int s = 0; s < weights.scaleCount(); s++) {
            Variants p = projected;
            int scale = s;
            workers.pool().parallelFor(rows, (row, worker) -> {
                if (attention.rope() != null) {
                    Floats r = p.of(scale).at(row * p.rowStride());
                    for (int h = 0; h < attention.heads(); h++) {
                        Interim.rotate(r.at(attention.queryStart() + (long) h * attention.queryStride()), attention.rope().dims(), attention.rope().inverseFrequencies(), attention.rope().attentionFactor(), sequences.positions()[row]);
                    }
                    for (int h = 0; h < attention.kvHeads(); h++) {
                        Interim.rotate(r.at(attention.keyStart() + (long) h * attention.keyStride()), attention.rope().dims(), attention.rope().inverseFrequencies(), attention.rope().attentionFactor(), sequences.positions()[row]);
                    }
                }
            });
            for (int q = 0; q < sequences.count(); q++) {
                int from = sequences.starts()[q];
                int count = sequences.starts()[q + 1] - from;
                workers.pool().parallelFor(count * attention.heads(), (task, worker) -> {
                    int row = from + task / attention.heads();
                    int h = task % attention.heads();
                    int kv = h / (attention.heads() / attention.kvHeads());
                    Floats base = p.of(scale).at((from - sequences.past()) * p.rowStride());
                    Interim.attend(p.of(scale).at(row * p.rowStride() + attention.queryStart() + (long) h * attention.queryStride()),
                            base.at(attention.keyStart() + (long) kv * attention.keyStride()), base.at(attention.valueStart() + (long) kv * attention.valueStride()), p.rowStride(),
                            sequences.positions()[row], attention.window(), attention.headDim(), attention.scale(), attention.softcap(),
                            context.of(scale).at(row * context.rowStride() + (long) h * attention.headDim()));
                });
            }
        }
    }

    private void addAttention(
            FormedWeights weights, LayerSpec layer, Variants context, Variants hidden, int rows) {
        LinearSpec output = layer.attention().output();
        add(weights, output, layer.attentionOutNorm(), context, hidden, rows);
    }

    private void expand(FormedWeights weights, MlpSpec mlp, Variants x, int rows) {
        Variants inner = scratch.inner(mlp.up().outputs());
        linear.run(weights, mlp.up(), x, inner, rows, false);
        Variants gate = mlp.gate() == null ? null : scratch.gate(mlp.gate().outputs());
        if (gate != null) {
            linear.run(weights, mlp.gate(), x, gate, rows, false);
        }
        for (int s = 0; s < weights.scaleCount(); s++) {
            int scale = s;
            workers.pool().parallelFor(rows, (row, worker) -> {
                Floats in = inner.of(scale).at(row * inner.rowStride());
                for (int i = 0; i < mlp.up().outputs(); i++) {
                    if (gate == null) {
                        Interim.s(in, i, Interim.act(mlp.activation(), Interim.g(in, i)));
                    } else {
                        Interim.s(in, i, Interim.g(in, i) * Interim.act(mlp.activation(), Interim.g(gate.of(scale), row * gate.rowStride() + i)));
                    }
                }
            });
        }
    }

    private void addMlp(FormedWeights weights, LayerSpec layer, Variants hidden, int rows) {
        Variants inner = scratch.inner(layer.mlp().up().outputs());
        add(weights, layer.mlp().down(), layer.mlpOutNorm(), inner, hidden, rows);
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
        Variants result = scratch.normed(output.outputs());
        linear.run(weights, output, x, result, rows, false);
        normalizer.run(weights, outNorm, result, result, rows);
        for (int scale = 0; scale < weights.scaleCount(); scale++) {
            for (long i = 0; i < (long) rows * output.outputs(); i++) {
                Interim.s(hidden.of(scale), i, Interim.g(hidden.of(scale), i) + Interim.g(result.of(scale), i));
            }
        }
    }
}
