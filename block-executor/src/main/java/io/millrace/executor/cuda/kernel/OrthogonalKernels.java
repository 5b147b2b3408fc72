package io.millrace.executor.cuda.kernel;

import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;

/**
 * Launches of the kernels that make an estimate orthogonal, nearly, by Newton–Schulz, on one
 * stream, in the thread whose context is the device's. Nothing is allocated.
 */
public final class OrthogonalKernels implements AutoCloseable {
    private static final int PER_THREAD = 8; // elements, as in common.cuh
    private static final int BLOCK = 256;

    /** Entry points of the image. */
    private enum Kernel {
        ESTIMATE,
        ORTHOGONAL_SQUARES,
        ORTHOGONAL_BEGIN,
        ORTHOGONAL_GRAM,
        ORTHOGONAL_SQUARE,
        ORTHOGONAL_NEXT,
        GATHER_ALONG
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
    public OrthogonalKernels(CudaApi api, long module, long stream) {
        launches = new KernelLaunches<>(Kernel.class, api, module, stream);
        arguments = launches.arguments();
    }

    /**
     * Memory that an estimate is made in.
     *
     * @param first address of floats, [r, n]
     * @param second as many more
     * @param squares address of doubles, twice [r, r]
     */
    public record Work(long first, long second, long squares) {}

    /**
     * An update of a matrix.
     *
     * @param program its gathering program
     * @param tensorId the matrix's
     * @param stream of random numbers that estimates are of
     * @param rank r
     * @param columns n
     * @param iterations of Newton–Schulz
     */
    public record Estimate(
            FoldProgram program, int tensorId, int stream, int rank, long columns, int iterations) {
        private long elements() {
            return rank * columns;
        }
    }

    /** Moves what a matrix has gathered, [r, n], along what an update's estimate is made. */
    public void gather(Estimate estimate, Work work, long gathered) {
        long x = work.first;
        long next = work.second;
        long elements = estimate.elements();
        arguments
                .begin()
                .int64(estimate.program.address())
                .int64(x)
                .int64(elements)
                .int32(estimate.program.count())
                .int32(estimate.tensorId)
                .int32(estimate.stream)
                .int32(0);
        launch(Kernel.ESTIMATE, Math.ceilDiv(elements, PER_THREAD));
        launch(Kernel.ORTHOGONAL_SQUARES, estimate, work, x, next, estimate.rank);
        launch(Kernel.ORTHOGONAL_BEGIN, estimate, work, x, next, elements);
        long pairs = (long) estimate.rank * estimate.rank;
        for (int iteration = 0; iteration < estimate.iterations; iteration++) {
            launch(Kernel.ORTHOGONAL_GRAM, estimate, work, x, next, pairs);
            launch(Kernel.ORTHOGONAL_SQUARE, estimate, work, x, next, pairs);
            launch(Kernel.ORTHOGONAL_NEXT, estimate, work, x, next, elements);
            long made = next;
            next = x;
            x = made;
        }
        arguments
                .begin()
                .int64(gathered)
                .int64(x)
                .int64(estimate.program.address())
                .int64(elements)
                .int32(estimate.program.count())
                .int32(0);
        launch(Kernel.GATHER_ALONG, Math.ceilDiv(elements, PER_THREAD));
    }

    private void launch(
            Kernel kernel, Estimate estimate, Work work, long x, long next, long threads) {
        long rank = estimate.rank;
        arguments
                .begin()
                .int64(x)
                .int64(next)
                .int64(work.squares)
                .int64(work.squares + rank * rank * Double.BYTES)
                .int64(estimate.columns)
                .int32(estimate.rank)
                .int32(0);
        launch(kernel, threads);
    }

    private void launch(Kernel kernel, long threads) {
        launches.launch(kernel, KernelLaunches.blocks(threads, BLOCK), 1, 1, BLOCK);
    }

    @Override
    public void close() {
        launches.close();
    }
}
