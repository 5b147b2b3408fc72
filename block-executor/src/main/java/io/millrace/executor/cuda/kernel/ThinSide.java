package io.millrace.executor.cuda.kernel;

import io.millrace.memory.cuda.KernelArguments;
import io.millrace.optim.update.Decay;
import java.util.List;

/**
 * {@code θ + decay + w Vᵀ} for every scale s, where low-rank directions have {@code w = (L + s U) /
 * √r}.
 *
 * @param left address of L [m, r]; 0 where it is zero
 * @param right address of V as it is, [r, n]; 0 adds nothing at all
 * @param rightStride floats from a scale's V to the next; 0 where all share one
 * @param sides address of w, [r, m]; 0 where a lookup makes it of L and U
 * @param sideStride floats from a scale's w to the next; 0 where all share one
 * @param decay of θ
 * @param seed the seed of U
 * @param scales of the query
 */
public record ThinSide(
        long left,
        long right,
        long rightStride,
        long sides,
        long sideStride,
        Decay decay,
        long seed,
        List<Float> scales) {
    /** Nothing but what is folded, for a query's scales. */
    public static ThinSide none(long seed, List<Float> scales) {
        return new ThinSide(0, 0, 0, 0, 0, Decay.NONE, seed, scales);
    }

    /**
     * Rows that are looked up in a table.
     *
     * @param ids address of the row numbers, int32
     * @param idOffset added to each
     * @param count how many
     * @param factor on each row
     * @param accumulate whether to add to what is in {@code out}
     * @param out contiguous rows of every scale
     */
    public record Rows(
            long ids,
            int idOffset,
            int count,
            float factor,
            boolean accumulate,
            DeviceMatrix out) {}

    /**
     * Packs what kernels add to rows, and where they put them: {@code struct RowsBeside} of
     * thin.cuh.
     *
     * @param stream what U is drawn from
     */
    void pack(KernelArguments arguments, ThinMatrix matrix, Rows rows, int stream) {
        DeviceMatrix out = rows.out;
        arguments
                .int64(right)
                .int64(left)
                .int64(sides)
                .int64(rightStride)
                .int64(sideStride)
                .int64(seed)
                .int64(matrix.columns())
                .int64(matrix.rows())
                .int64(out.address())
                .int64(rows.ids)
                .int64(out.stride())
                .int32(rows.idOffset)
                .int32(rows.count)
                .int32(KernelCodes.of(out.type()))
                .int32(rows.accumulate ? 1 : 0)
                .int32(scales.size())
                .int32(matrix.rank())
                .int32(matrix.tensor().tensorId())
                .int32(stream)
                .float32(rows.factor)
                .float32(matrix.factor())
                .float32(decay.scale())
                .float32(decay.added());
        packScales(arguments, scales);
    }

    /** As many as a launch takes. */
    static void packScales(KernelArguments arguments, List<Float> scales) {
        for (int scale = 0; scale < WeightPass.MAX_SCALES; scale++) {
            arguments.float32(scale < scales.size() ? scales.get(scale) : 0f);
        }
    }
}
