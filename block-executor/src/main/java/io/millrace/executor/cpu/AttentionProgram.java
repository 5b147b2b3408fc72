package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.scratch.RotaryTables;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Sequences;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.AttentionSpec;
import io.millrace.model.spec.LinearSpec;

/** Projections, head norms, rotation and softmax attention of one block, for every scale. */
final class AttentionProgram {
    private final CpuWorkers workers;
    private final LinearProgram linear;
    private final Normalizer normalizer;
    private final RotaryTables rotaryTables;

    AttentionProgram(
            CpuWorkers workers,
            LinearProgram linear,
            Normalizer normalizer,
            RotaryTables rotaryTables) {
        this.workers = workers;
        this.linear = linear;
        this.normalizer = normalizer;
        this.rotaryTables = rotaryTables;
    }

    /**
     * Runs everything but the output projection.
     *
     * @param weights the block's weights as the probe wants them
     * @param spec the attention part
     * @param x [tokens, hidden] for every scale
     * @param sequences which tokens belong together
     * @param projected where rows of projections go; those of earlier tokens lie before it
     * @param context [tokens, heads · head size] for every scale; written
     */
    void run(
            FormedWeights weights,
            AttentionSpec spec,
            Variants x,
            Sequences sequences,
            Variants projected,
            Variants context) {
        int rows = sequences.tokenCount();
        int column = 0;
        for (LinearSpec projection : spec.projections()) {
            linear.run(weights, projection, x, projected.column(column), rows, false);
            column += projection.outputs();
        }
        Variants queries = projected.column(spec.queryStart());
        Variants keys = projected.column(spec.keyStart());
        if (spec.queryNorm() != null) {
            normalizer.runHeads(
                    weights, spec.queryNorm(), queries, spec.queryStride(), spec.heads(), rows);
        }
        if (spec.keyNorm() != null) {
            normalizer.runHeads(
                    weights, spec.keyNorm(), keys, spec.keyStride(), spec.kvHeads(), rows);
        }
        if (spec.rope() != null) {
            turn(spec, sequences, queries, keys, weights.scaleCount());
        }
        Variants values = projected.column(spec.valueStart());
        attend(spec, sequences, queries, keys, values, context, weights.scaleCount());
    }

    private void turn(
            AttentionSpec spec, Sequences sequences, Variants queries, Variants keys, int scales) {
        RowTasks.run(
                workers.pool(),
                Operator.ROTARY,
                scales,
                sequences.tokenCount(),
                (long) (spec.heads() + spec.kvHeads()) * spec.headDim(),
                (scale, from, to, worker) -> {
                    rotaryTables.turn(
                            spec.rope(),
                            sequences.positions(),
                            from,
                            to,
                            queries.of(scale),
                            queries.rowStride(),
                            spec.queryStride(),
                            spec.heads());
                    rotaryTables.turn(
                            spec.rope(),
                            sequences.positions(),
                            from,
                            to,
                            keys.of(scale),
                            keys.rowStride(),
                            spec.keyStride(),
                            spec.kvHeads());
                });
    }

    private void attend(
            AttentionSpec spec,
            Sequences sequences,
            Variants queries,
            Variants keys,
            Variants values,
            Variants context,
            int scales) {
        Attention.Shape shape =
                new Attention.Shape(
                        spec.heads(),
                        spec.kvHeads(),
                        spec.headDim(),
                        spec.scale(),
                        spec.softcap(),
                        spec.window());
        QueryTiles queryTiles = new QueryTiles(sequences);
        int tiles = queryTiles.count();
        workers.pool()
                .parallelFor(
                        scales * spec.heads() * tiles,
                        Operator.ATTENTION,
                        (item, worker) -> {
                            int scale = item / (spec.heads() * tiles);
                            int head = item / tiles % spec.heads();
                            int tile = item % tiles;
                            int sequence = queryTiles.sequenceOf(tile);
                            int start = sequences.starts()[sequence];
                            workers.attention(worker)
                                    .run(
                                            shape,
                                            heads(queries, scale, spec.queryStride()),
                                            start,
                                            heads(keys, scale, spec.keyStride()),
                                            heads(values, scale, spec.valueStride()),
                                            (long) start - sequences.past(),
                                            heads(context, scale, spec.headDim()),
                                            sequences.past(),
                                            sequences.length(sequence),
                                            head,
                                            tile - queryTiles.firstOf(sequence));
                        });
    }

    private static HeadRows heads(Variants matrix, int scale, long headStride) {
        Floats place = matrix.of(scale);
        return new HeadRows(place.segment(), place.start(), matrix.rowStride(), headStride);
    }
}
