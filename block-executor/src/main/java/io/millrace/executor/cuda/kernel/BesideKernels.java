package io.millrace.executor.cuda.kernel;

import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import io.millrace.model.spec.HeadColumns;

/**
 * Launches of the kernels of what is trained beside a model on one stream, in the thread whose
 * context is the device's. Each method hands over one launch and returns; nothing is allocated.
 */
public final class BesideKernels implements AutoCloseable {
    private static final int PER_THREAD = 8; // elements, as in common.cuh
    private static final int BLOCK = 256;

    /** Entry points of the image. */
    private enum Kernel {
        BESIDE_TURN,
        BESIDE_SCALE,
        BESIDE_VIRTUAL
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
    public BesideKernels(CudaApi api, long module, long stream) {
        launches = new KernelLaunches<>(Kernel.class, api, module, stream);
        arguments = launches.arguments();
    }

    /**
     * Writes a second factor turned, times a factor, [r, rows] of every scale.
     *
     * @param in [rows, r] of every scale, float32, without a gap
     * @param out another place
     */
    public void turn(long in, long rows, int rank, float factor, int scales, long out) {
        arguments.begin().int64(in).int64(out).int64(rows).int32(rank).float32(factor);
        launch(Kernel.BESIDE_TURN, rows * rank, scales);
    }

    /**
     * Multiplies columns by factors, in place.
     *
     * @param states from the first column on
     * @param factors [width] of every scale, float32, without a gap
     */
    public void scale(DeviceMatrix states, long factors, int rows, int width, int scales) {
        arguments
                .begin()
                .int64(states.address())
                .int64(factors)
                .int64(states.stride())
                .int64(states.rowStride())
                .int32(rows)
                .int32(width)
                .int32(KernelCodes.of(states.type()))
                .int32(0);
        launch(Kernel.BESIDE_SCALE, (long) rows * Math.ceilDiv(width, PER_THREAD), scales);
    }

    /**
     * The first rows of sequences that begin.
     *
     * @param starts address of each sequence's first row, int32
     * @param sequences how many
     * @param tokens rows of each
     */
    public record FirstRows(long starts, int sequences, int tokens) {}

    /**
     * Puts a table's rows in the place of the first of every sequence.
     *
     * @param states rows of every scale
     * @param table [tokens, width] of every scale, float32, without a gap
     * @param width numbers of a row of the table
     * @param columns where parts of a row go
     * @param factor on each number
     */
    public void putVirtual(
            DeviceMatrix states,
            long table,
            FirstRows rows,
            int width,
            HeadColumns columns,
            float factor,
            int scales) {
        arguments
                .begin()
                .int64(states.address())
                .int64(table)
                .int64(rows.starts)
                .int64(states.stride())
                .int64(states.rowStride())
                .int32(rows.sequences)
                .int32(rows.tokens)
                .int32(width)
                .int32(width / columns.count())
                .int32(columns.start())
                .int32(columns.stride())
                .int32(KernelCodes.of(states.type()))
                .float32(factor);
        launch(Kernel.BESIDE_VIRTUAL, (long) rows.sequences * rows.tokens * width, scales);
    }

    private void launch(Kernel kernel, long threads, int scales) {
        launches.launch(kernel, KernelLaunches.blocks(threads, BLOCK), scales, 1, BLOCK);
    }

    @Override
    public void close() {
        launches.close();
    }
}
