package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import io.millrace.optim.direction.FactoredDirection;

/**
 * Launches of the kernels of directions whose queries have both thin factors of their own on one
 * stream, in the thread whose context is the device's. Each method hands over one launch and
 * returns; nothing is allocated.
 */
public final class PairKernels implements AutoCloseable {
    private static final int PER_THREAD = 8; // elements, as in common.cuh
    private static final int BLOCK = 256;

    /** Entry points of the image. */
    private enum Kernel {
        PAIR_TERMS,
        PAIR_FORM,
        PAIR_ROWS
    }

    private final KernelLaunches<Kernel> launches;
    private final KernelArguments arguments;
    private final FactoredDirection.Streams streams;

    /**
     * Finds the kernels.
     *
     * @param api the driver
     * @param module the loaded image; stays its owner's
     * @param stream where launches go
     * @param streams of random numbers that factors are filled from
     */
    public PairKernels(CudaApi api, long module, long stream, FactoredDirection.Streams streams) {
        launches = new KernelLaunches<>(Kernel.class, api, module, stream);
        arguments = launches.arguments();
        this.streams = streams;
    }

    /**
     * What brings a matrix up to date.
     *
     * @param program the updates
     * @param lefts address of κ c A of each of its terms, [terms, r, m]
     * @param rights address of B of each, [terms, r, n]
     */
    public record Terms(FoldProgram program, long lefts, long rights) {
        /** What has no term. */
        public static final Terms NONE = new Terms(FoldProgram.EMPTY, 0, 0);
    }

    /** Writes the factors of all terms of a program. */
    public void terms(ThinMatrix matrix, Terms terms) {
        arguments
                .begin()
                .int64(terms.program.address())
                .int64(terms.lefts)
                .int64(terms.rights)
                .int64(matrix.rows())
                .int64(matrix.columns())
                .int32(terms.program.count())
                .int32(matrix.rank())
                .int32(matrix.tensor().tensorId())
                .int32(streams.core())
                .int32(streams.right())
                .float32(matrix.factor());
        long longest = Math.max(matrix.rows(), matrix.columns()) * matrix.rank();
        int blocks = KernelLaunches.blocks(Math.ceilDiv(longest, 4), BLOCK);
        launches.launch(Kernel.PAIR_TERMS, blocks, 2, 1, BLOCK);
    }

    /**
     * Brings consecutive rows of a matrix up to date and writes them as they are then.
     *
     * @param terms whose factors are there
     * @param stochastic how they are rounded
     * @param stores whether they are stored where the program says so
     * @param firstRow the first row
     * @param rows how many
     * @param out where they go; 0 only folds
     * @param outType F32, F16 or BF16
     */
    public void form(
            ThinMatrix matrix,
            Terms terms,
            boolean stochastic,
            boolean stores,
            long firstRow,
            long rows,
            long out,
            DType outType) {
        pack(matrix, terms, stochastic, stores)
                .int64(out)
                .int64(firstRow)
                .int64(rows)
                .int32(KernelCodes.of(outType))
                .int32(0);
        long pieces = Math.ceilDiv(matrix.columns(), PER_THREAD);
        launches.launch(Kernel.PAIR_FORM, KernelLaunches.blocks(rows * pieces, BLOCK), 1, 1, BLOCK);
    }

    /**
     * Looks rows of a table up, up to date and perturbed; the table stays as it is.
     *
     * @param terms whose factors are there
     * @param stochastic how rows are rounded
     * @param side what is added then
     */
    public void rows(
            ThinMatrix matrix, Terms terms, boolean stochastic, ThinSide side, ThinSide.Rows rows) {
        side.pack(pack(matrix, terms, stochastic, false), matrix, rows, streams.core());
        LowRankKernels.launchRows(launches, Kernel.PAIR_ROWS, matrix, rows);
    }

    private KernelArguments pack(
            ThinMatrix matrix, Terms terms, boolean stochastic, boolean stores) {
        return arguments
                .begin()
                .int64(matrix.tensor().address())
                .int64(terms.program.address())
                .int64(terms.lefts)
                .int64(terms.rights)
                .int64(matrix.rows())
                .int64(matrix.columns())
                .int32(terms.program.count())
                .int32(matrix.rank())
                .int32(KernelCodes.of(matrix.tensor().dtype()))
                .int32(matrix.tensor().tensorId())
                .int32(stochastic ? 1 : 0)
                .int32(stores ? 1 : 0);
    }

    @Override
    public void close() {
        launches.close();
    }
}
