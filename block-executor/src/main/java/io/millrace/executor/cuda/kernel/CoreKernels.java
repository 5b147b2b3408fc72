package io.millrace.executor.cuda.kernel;

import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import java.util.List;

/**
 * Launches of the kernels of directions with a core between fixed factors on one stream, in the
 * thread whose context is the device's. Each method hands over its launches and returns; nothing is
 * allocated.
 */
public final class CoreKernels implements AutoCloseable {
    private static final int BLOCK = 256;
    private static final int AT_ONCE = 4; // random numbers of a thread, and scales of a launch

    /** Entry points of the image. */
    private enum Kernel {
        FIXED,
        ORTHONORMAL,
        CORES,
        SIDES
    }

    private final KernelLaunches<Kernel> launches;
    private final KernelArguments arguments;

    /**
     * Finds the kernels.
     *
     * @param api the driver
     * @param module the loaded image; stays its owner's
     * @param stream where launches go
     */
    public CoreKernels(CudaApi api, long module, long stream) {
        launches = new KernelLaunches<>(Kernel.class, api, module, stream);
        arguments = launches.arguments();
    }

    /**
     * A fixed factor as it is to be.
     *
     * @param tensorId whose it is
     * @param stream of random numbers that fill it
     * @param seed of its window
     * @param rows m of the left one, n of the right one
     * @param rank r
     */
    public record Factor(int tensorId, int stream, long seed, long rows, int rank) {}

    /** Writes one as it is filled, [r, rows]. */
    public void fixed(Factor factor, long out) {
        fixed(factor, out, 0);
    }

    /**
     * Writes one with orthonormal columns, [r, rows].
     *
     * @param wide doubles that it is made in, [rows, r]
     */
    public void orthonormal(Factor factor, long wide, long out) {
        fixed(factor, 0, wide);
        arguments.begin().int64(wide).int64(out).int64(factor.rows).int32(factor.rank).int32(0);
        launch(Kernel.ORTHONORMAL, 1, 1);
    }

    private void fixed(Factor factor, long out, long wide) {
        arguments
                .begin()
                .int64(out)
                .int64(wide)
                .int64(factor.seed)
                .int64(factor.rows)
                .int32(factor.rank)
                .int32(factor.tensorId)
                .int32(factor.stream)
                .int32(0);
        launch(Kernel.FIXED, blocks(Math.ceilDiv(factor.rows * factor.rank, AT_ONCE)), 1);
    }

    /**
     * The cores of a matrix.
     *
     * @param tensorId whose they are
     * @param stream of random numbers that make them
     * @param floats of one
     * @param factor κ
     * @param gathered address of what updates have gathered; 0 where that is zero
     */
    public record Core(int tensorId, int stream, long floats, float factor, long gathered) {}

    /** Writes {@code κ (gathered + s C)} of a query's scales; without scales that of a fold. */
    public void cores(Core core, long seed, List<Float> scales, long out) {
        arguments
                .begin()
                .int64(out)
                .int64(core.gathered)
                .int64(seed)
                .int64(core.floats)
                .int32(core.tensorId)
                .int32(core.stream)
                .int32(scales.size())
                .float32(core.factor);
        for (int scale = 0; scale < AT_ONCE; scale++) {
            arguments.float32(scale < scales.size() ? scales.get(scale) : 0f);
        }
        launch(Kernel.CORES, blocks(Math.ceilDiv(core.floats, AT_ONCE)), 1);
    }

    /**
     * A fixed left factor.
     *
     * @param address of U, [r, rows]
     * @param rows m
     * @param rank r
     */
    public record Left(long address, long rows, int rank) {}

    /**
     * Writes w = U C of cores that lie one after another.
     *
     * @param cores address of the first
     * @param diagonal whether they are diagonals
     * @param count how many
     * @param byRows whether w is written [count, rows, r], and not [count, r, rows]
     */
    public void sides(
            Left fixed, long cores, boolean diagonal, int count, boolean byRows, long out) {
        sides(fixed, cores, diagonal, 0, count, byRows, out);
    }

    /** Writes w = κ U, once. */
    public void sides(Left fixed, float factor, boolean byRows, long out) {
        sides(fixed, 0, false, factor, 1, byRows, out);
    }

    private void sides(
            Left fixed,
            long cores,
            boolean diagonal,
            float factor,
            int count,
            boolean byRows,
            long out) {
        arguments
                .begin()
                .int64(fixed.address)
                .int64(cores)
                .int64(out)
                .int64(fixed.rows)
                .int32(fixed.rank)
                .int32(diagonal ? 1 : 0)
                .int32(byRows ? 1 : 0)
                .float32(factor);
        launch(Kernel.SIDES, blocks(fixed.rows * fixed.rank), count);
    }

    private static int blocks(long threads) {
        return KernelLaunches.blocks(threads, BLOCK);
    }

    private void launch(Kernel kernel, int x, int y) {
        launches.launch(kernel, x, y, 1, BLOCK);
    }

    @Override
    public void close() {
        launches.close();
    }
}
