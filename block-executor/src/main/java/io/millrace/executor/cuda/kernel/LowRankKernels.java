package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import io.millrace.optim.random.StreamIds;
import io.millrace.optim.update.Decay;
import java.util.List;

/**
 * Launches of the kernels of low-rank directions on one stream, in the thread whose context is the
 * device's. Each method hands over one launch and returns; nothing is allocated.
 */
public final class LowRankKernels implements AutoCloseable {
    /** Bytes of a tensor in the table that {@link #gather} takes. */
    public static final int GATHERED_BYTES = 32;

    private static final int PER_THREAD = 8; // elements, as in common.cuh
    private static final int BLOCK = 256;
    private static final int PROJECT_BLOCK = 128;
    private static final int WARP = 32;
    private static final int ROWS_AT_ONCE = 4; // as in low_rank_products.cu

    /** Entry points of the image. */
    private enum Kernel {
        GATHER,
        FACTORS,
        OVERLAP,
        TURN,
        THIN_FORM,
        THIN_ROWS,
        PROJECT,
        SPREAD
    }

    private final KernelLaunches<Kernel> launches;
    private final KernelArguments arguments;
    private final int leftStream;
    private final int rightStream;

    /**
     * Finds the kernels, for factors of low-rank directions.
     *
     * @param api the driver
     * @param module the loaded image; stays its owner's
     * @param stream where launches go
     */
    public LowRankKernels(CudaApi api, long module, long stream) {
        this(api, module, stream, StreamIds.LOW_RANK_U, StreamIds.LOW_RANK_V);
    }

    /**
     * Finds the kernels.
     *
     * @param leftStream of random numbers that U is made of
     * @param rightStream that V is made of
     */
    public LowRankKernels(CudaApi api, long module, long stream, int leftStream, int rightStream) {
        this.leftStream = leftStream;
        this.rightStream = rightStream;
        launches = new KernelLaunches<>(Kernel.class, api, module, stream);
        arguments = launches.arguments();
    }

    /**
     * Moves what the updates of some tensors have gathered along some steps.
     *
     * @param tensors address of their table, {@value #GATHERED_BYTES} bytes each: the address of L,
     *     that of N or 0, how many elements L has, the tensor's id, and 1 for a matrix
     * @param count how many
     * @param longest the most elements that any of them has
     * @param program the steps
     * @param stream of random numbers that matrices gather; 0 leaves them as they are
     */
    public void gather(long tensors, int count, long longest, FoldProgram program, int stream) {
        arguments
                .begin()
                .int64(tensors)
                .int64(program.address())
                .int32(program.count())
                .int32(stream);
        launch(Kernel.GATHER, blocks(Math.ceilDiv(longest, PER_THREAD)), count, BLOCK);
    }

    /**
     * Writes V of a seed, [r, n].
     *
     * @param matrix whose it is
     * @param seed of the first step of V's window
     * @param out where it goes
     */
    public void right(ThinMatrix matrix, long seed, long out) {
        factors(matrix, seed, 1, new ThinSide(0, out, 0, 0, 0, Decay.NONE, 0, List.of()));
    }

    /**
     * Writes V of a seed, [r, n], and {@code κ (L + s U)} of every scale, [scales, r, m].
     *
     * @param matrix whose they are
     * @param rightSeed of V: of the first step of its window, or of the query
     * @param copies of V, one after another
     * @param side L, the seed of U and the scales; where both go: V nowhere where that is 0, and w
     *     nowhere where that is
     */
    public void factors(ThinMatrix matrix, long rightSeed, int copies, ThinSide side) {
        arguments
                .begin()
                .int64(side.right())
                .int64(side.sides())
                .int64(side.left())
                .int64(rightSeed)
                .int64(side.seed())
                .int64(matrix.rows())
                .int64(matrix.columns())
                .int32(matrix.rank())
                .int32(matrix.tensor().tensorId())
                .int32(side.scales().size())
                .float32(matrix.factor());
        ThinSide.packScales(arguments, side.scales());
        arguments.int32(leftStream).int32(rightStream).int32(copies).int32(0);
        boolean alone = side.sides() == 0;
        long longest = alone ? matrix.columns() : Math.max(matrix.rows(), matrix.columns());
        int blocks = blocks(Math.ceilDiv(longest * matrix.rank(), 4));
        launch(Kernel.FACTORS, blocks, alone ? 1 : 2, BLOCK);
    }

    /**
     * Writes {@code V_oldᵀ V_new / n}, [r, r].
     *
     * @param before V of a window, [r, n]
     * @param after V of the next
     * @param out where it goes
     */
    public void overlap(ThinMatrix matrix, long before, long after, long out) {
        arguments
                .begin()
                .int64(before)
                .int64(after)
                .int64(out)
                .int64(matrix.columns())
                .int32(matrix.rank())
                .int32(0);
        launch(Kernel.OVERLAP, blocks((long) matrix.rank() * matrix.rank()), 1, BLOCK);
    }

    /**
     * Writes N times what {@link #overlap} made.
     *
     * @param in N, [m, r]
     * @param overlap [r, r]
     * @param out another place than N's
     */
    public void turn(ThinMatrix matrix, long in, long overlap, long out) {
        long elements = matrix.rows() * matrix.rank();
        arguments
                .begin()
                .int64(in)
                .int64(overlap)
                .int64(out)
                .int64(elements)
                .int32(matrix.rank())
                .int32(0);
        launch(Kernel.TURN, blocks(elements), 1, BLOCK);
    }

    /**
     * Folds consecutive rows of a matrix and writes them as they are then.
     *
     * @param firstRow the first row
     * @param rows how many
     * @param out where they go; 0 only folds
     * @param outType F32, F16 or BF16
     */
    public void form(
            ThinMatrix matrix, ThinFold fold, long firstRow, long rows, long out, DType outType) {
        pack(matrix, fold)
                .int64(out)
                .int64(firstRow)
                .int64(rows)
                .int32(KernelCodes.of(outType))
                .int32(0);
        long pieces = Math.ceilDiv(matrix.columns(), PER_THREAD);
        launch(Kernel.THIN_FORM, blocks(rows * pieces), 1, BLOCK);
    }

    /**
     * Looks rows of a table up, folded and perturbed; the table stays as it is.
     *
     * @param fold what is folded on the way; does not store
     * @param side what is added then
     */
    public void rows(ThinMatrix matrix, ThinFold fold, ThinSide side, ThinSide.Rows rows) {
        side.pack(pack(matrix, fold), matrix, rows, leftStream);
        launchRows(launches, Kernel.THIN_ROWS, matrix, rows);
    }

    /** A block of threads a row, or several. */
    static <K extends Enum<K>> void launchRows(
            KernelLaunches<K> launches, K kernel, ThinMatrix matrix, ThinSide.Rows rows) {
        int pieces = Math.toIntExact(Math.ceilDiv(matrix.columns(), PER_THREAD));
        int threads = Math.min(BLOCK, Math.ceilDiv(pieces, WARP) * WARP);
        launches.launch(kernel, rows.count(), Math.ceilDiv(pieces, threads), 1, threads);
    }

    /**
     * {@code out = x factorᵀ}, float32 [scales, rows, r].
     *
     * @param x [rows, columns] of every scale
     * @param factor [r, columns], float32
     * @param factorStride elements from a scale's to the next; 0 where all share one
     * @param rank r
     */
    public void project(
            DeviceMatrix x,
            long factor,
            long factorStride,
            long columns,
            int rank,
            long out,
            int rows,
            int scales) {
        arguments
                .begin()
                .int64(x.address())
                .int64(factor)
                .int64(out)
                .int64(x.stride())
                .int64(x.rowStride())
                .int64(factorStride)
                .int64(columns)
                .int32(rows)
                .int32(rank)
                .int32(KernelCodes.of(x.type()))
                .int32(0);
        int rowsOfBlock = PROJECT_BLOCK / WARP * ROWS_AT_ONCE;
        launch(Kernel.PROJECT, Math.ceilDiv(rows, rowsOfBlock), scales, PROJECT_BLOCK);
    }

    /**
     * {@code y = thin factor}, or the same added to what y holds.
     *
     * @param thin [rows, r] of every scale, float32
     * @param factor its columns [r, width] of every scale, float32
     * @param rank r
     * @param y [rows, width] of every scale
     */
    public void spread(
            DeviceMatrix thin,
            DeviceMatrix factor,
            int rank,
            DeviceMatrix y,
            int rows,
            int width,
            int scales,
            boolean accumulate) {
        arguments
                .begin()
                .int64(thin.address())
                .int64(factor.address())
                .int64(y.address())
                .int64(thin.stride())
                .int64(factor.stride())
                .int64(factor.rowStride())
                .int64(y.stride())
                .int64(y.rowStride())
                .int32(rows)
                .int32(width)
                .int32(rank)
                .int32(KernelCodes.of(y.type()))
                .int32(accumulate ? 1 : 0)
                .int32(0);
        long items = (long) Math.ceilDiv(rows, ROWS_AT_ONCE) * Math.ceilDiv(width, PER_THREAD);
        launch(Kernel.SPREAD, blocks(items), scales, BLOCK);
    }

    private KernelArguments pack(ThinMatrix matrix, ThinFold fold) {
        return arguments
                .begin()
                .int64(matrix.tensor().address())
                .int64(fold.left())
                .int64(fold.right())
                .int64(fold.seed())
                .int64(matrix.columns())
                .int32(KernelCodes.of(matrix.tensor().dtype()))
                .int32(matrix.tensor().tensorId())
                .int32(matrix.rank())
                .int32(fold.stochastic() ? 1 : 0)
                .int32(fold.stores() ? 1 : 0)
                .float32(matrix.factor())
                .float32(fold.decay().scale())
                .float32(fold.decay().added());
    }

    private static int blocks(long threads) {
        return KernelLaunches.blocks(threads, BLOCK);
    }

    private void launch(Kernel kernel, int x, int y, int threads) {
        launches.launch(kernel, x, y, 1, threads);
    }

    @Override
    public void close() {
        launches.close();
    }
}
