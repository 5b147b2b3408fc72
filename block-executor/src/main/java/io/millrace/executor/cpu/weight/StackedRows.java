package io.millrace.executor.cpu.weight;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.LinearSpec;

/**
 * The rows of all scales before a product with a matrix that all of them see alike. They are
 * numbered through, so many for each scale.
 *
 * @param spec the product
 * @param tiles what it is cut into
 * @param in what is multiplied, in the type that the product reads
 * @param groups 1 where one product takes the rows of all scales, else one a scale
 * @param padded rows of each scale
 */
public record StackedRows(LinearSpec spec, GemmTiles tiles, Variants in, int groups, int padded) {
    /** Takes the rows that one scale has in a tile. */
    @FunctionalInterface
    public interface ScaleRows {
        /**
         * Takes them.
         *
         * @param scale whose
         * @param row the first, of the scale's
         * @param count how many, padding included
         * @param before rows of the tile before them
         */
        void accept(int scale, int row, int count, int before);
    }

    /** Those of x, made ready for products. */
    public static StackedRows of(
            Operands operands, LinearSpec spec, Variants x, int scales, int rows) {
        int padded = MicroBatch.padded(rows);
        Variants in = operands.of(x, scales, rows, spec.inputs());
        boolean stacked = scales == 1 || in.stride() == padded * in.rowStride();
        int groups = stacked ? 1 : scales;
        GemmTiles tiles = GemmTiles.of(padded, spec.outputs()).stacked(scales / groups);
        return new StackedRows(spec, tiles, in, groups, padded);
    }

    /** The first row of a tile among those of all scales. */
    private int first(int group, int tile) {
        return group * tiles.rows() + tiles.row(tile);
    }

    /** Where a tile's first row lies in a matrix of all scales. */
    public Floats row(Variants matrix, int group, int tile) {
        int index = first(group, tile);
        int scale = index / padded;
        return matrix.of(scale).at((index - (long) scale * padded) * matrix.rowStride());
    }

    /** Shows the rows that each scale has in a tile. */
    public void eachScale(int group, int tile, ScaleRows work) {
        int first = first(group, tile);
        int end = first + tiles.rowCount(tile);
        int row = first;
        while (row < end) {
            int scale = row / padded;
            int count = Math.min(end, (scale + 1) * padded) - row;
            work.accept(scale, row - scale * padded, count, row - first);
            row += count;
        }
    }

    /**
     * Multiplies one tile; what its worker does then is counted as work of thin factors.
     *
     * @param panel the matrix from the tile's first output on
     * @param layout how it lies
     * @param bias from the tile's first output on, the same for all scales; or null
     * @param accumulate whether to add to what is there
     * @param out the tile's first element
     * @param outStride elements from a row of it to the next
     */
    public void multiply(
            CpuWorkers workers,
            int group,
            int tile,
            Floats panel,
            WeightLayout layout,
            Floats bias,
            boolean accumulate,
            Floats out,
            long outStride,
            int worker) {
        Floats left = row(in, group, tile);
        workers.pool().clock().enter(worker, Operator.GEMM);
        workers.gemm(worker)
                .multiply(
                        panel.type(),
                        tiles.rowCount(tile),
                        tiles.columnCount(tile),
                        spec.inputs(),
                        left.segment(),
                        left.start(),
                        in.rowStride(),
                        panel.segment(),
                        panel.start(),
                        layout.order(),
                        layout.ld(),
                        bias == null ? null : bias.segment(),
                        bias == null ? 0 : bias.start(),
                        accumulate,
                        out.segment(),
                        out.start(),
                        outStride);
        workers.pool().clock().enter(worker, Operator.LOW_RANK);
    }
}
