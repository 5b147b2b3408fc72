package io.millrace.executor.cpu.dense;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.SideProducts;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.SideSpec;

/**
 * What a run trains beside a matrix, for each scale: A and B as the scale sees them, {@code x Aᵀ}
 * for all rows, and its product with {@code scale · Bᵀ} for a tile at a time. All of it is float32.
 */
final class ThinFactors {
    private static final Beside NOTHING = new Beside(0, 0, 0, null, null);

    private final WorkerPool pool;
    private final Scratch scratch;

    ThinFactors(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /**
     * The factors beside one matrix, at work.
     *
     * @param rank r; 0 where there are none
     * @param outputs columns of what is added
     * @param padded rows of each scale
     * @param products x Aᵀ [rows, rank], for each scale
     * @param seconds scale · Bᵀ [rank, outputs], for each scale
     */
    record Beside(int rank, int outputs, int padded, Floats products, Floats seconds) {}

    /**
     * Some columns of a product.
     *
     * @param first the first
     * @param count how many
     */
    record Columns(int first, int count) {}

    /**
     * Forms the factors beside a matrix, and makes the products with the first; valid until the
     * next.
     */
    Beside beside(FormedWeights weights, LinearSpec spec, Variants x, int rows) {
        return spec.side().map(side -> beside(weights, spec, side, x, rows)).orElse(NOTHING);
    }

    private Beside beside(
            FormedWeights weights, LinearSpec spec, SideSpec side, Variants x, int rows) {
        int scales = weights.scaleCount();
        int rank = side.rank();
        int padded = MicroBatch.padded(rows);
        long firstLength = (long) rank * spec.inputs();
        long secondLength = (long) rank * spec.outputs();
        Floats firsts = scratch.thin();
        Floats stored = firsts.at(scales * firstLength);
        Floats seconds = stored.at(scales * secondLength);
        Floats products = seconds.at(scales * secondLength);
        weights.formWhole(weights.indexOf(side.first()), firsts, firstLength);
        weights.formWhole(weights.indexOf(side.second()), stored, secondLength);
        pool.parallelFor(
                scales,
                Operator.LOW_RANK,
                (scale, worker) ->
                        SideProducts.turn(
                                stored.segment(),
                                stored.start() + scale * secondLength,
                                spec.outputs(),
                                rank,
                                side.scale(),
                                seconds.segment(),
                                seconds.start() + scale * secondLength));
        RowTasks.run(
                pool,
                Operator.LOW_RANK,
                scales,
                rows,
                firstLength,
                (scale, from, to, worker) -> {
                    Floats in = x.of(scale).at(from * x.rowStride());
                    Floats out = products.at(((long) scale * padded + from) * rank);
                    SideProducts.project(
                            in.segment(),
                            in.start(),
                            x.rowStride(),
                            to - from,
                            spec.inputs(),
                            firsts.segment(),
                            firsts.start() + scale * firstLength,
                            rank,
                            out.segment(),
                            out.start());
                });
        return new Beside(rank, spec.outputs(), padded, products, seconds);
    }

    /** Adds to a part of a product what is beside it; nothing where that is nothing. */
    void add(
            Beside beside,
            int scale,
            int row,
            int rows,
            Columns columns,
            Floats part,
            long partStride) {
        if (beside.rank == 0) {
            return;
        }
        Floats products = beside.products.at(((long) scale * beside.padded + row) * beside.rank);
        Floats factor =
                beside.seconds.at((long) scale * beside.rank * beside.outputs + columns.first);
        SideProducts.add(
                part.segment(),
                part.start(),
                partStride,
                rows,
                columns.count,
                1,
                null,
                0,
                products.segment(),
                products.start(),
                beside.rank,
                factor.segment(),
                factor.start(),
                beside.outputs,
                false,
                part.segment(),
                part.start(),
                partStride);
    }
}
