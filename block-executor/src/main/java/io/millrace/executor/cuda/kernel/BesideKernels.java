package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
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
        BESIDE_VIRTUAL,
        BESIDE_CONTRACT,
        BESIDE_THROUGH
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
        turn(in, rows * rank, rows, rank, factor, scales, out);
    }

    /** The same of factors that lie so many floats apart, as what is written does. */
    public void turn(
            long in, long stride, long rows, int rank, float factor, int scales, long out) {
        arguments
                .begin()
                .int64(in)
                .int64(out)
                .int64(stride)
                .int64(stride)
                .int64(rows)
                .int32(rank)
                .float32(factor);
        launch(Kernel.BESIDE_TURN, rows * rank, scales);
    }

    /**
     * Writes {@code left right}, [rows, columns] of every scale.
     *
     * @param left address of the first scale's [rows, r], float32
     * @param right of [r, columns]
     * @param stride floats from a scale's to the next, of all of them
     */
    public void contract(
            long left,
            long right,
            long stride,
            long rows,
            int rank,
            int columns,
            int scales,
            long out) {
        arguments
                .begin()
                .int64(left)
                .int64(right)
                .int64(out)
                .int64(stride)
                .int64(rows)
                .int32(rank)
                .int32(columns);
        launch(Kernel.BESIDE_CONTRACT, rows * columns, scales);
    }

    /**
     * A matrix in two factors, with its bias, of every scale, float32.
     *
     * @param bias address of the first scale's [width]
     * @param thin rows times the first factor, [rows, r] without a gap
     * @param second address of the second factor, [r, width]
     * @param stride floats from a scale's bias to the next, and from its factor to the next
     * @param rank r
     * @param width what it makes of a row
     */
    public record TwoFactors(long bias, long thin, long second, long stride, int rank, int width) {}

    /** Writes {@code relu(bias + thin second)}. */
    public void into(TwoFactors matrix, DeviceMatrix out, int rows, int scales) {
        through(matrix, new DeviceMatrix(0, 0, 0, DType.F32), out, true, false, rows, scales);
    }

    /** Writes {@code in + bias + thin second}, or adds it to what is in {@code out}. */
    public void outOf(
            TwoFactors matrix,
            DeviceMatrix in,
            DeviceMatrix out,
            boolean accumulate,
            int rows,
            int scales) {
        through(matrix, in, out, false, accumulate, rows, scales);
    }

    private void through(
            TwoFactors matrix,
            DeviceMatrix in,
            DeviceMatrix out,
            boolean relu,
            boolean accumulate,
            int rows,
            int scales) {
        arguments
                .begin()
                .int64(in.address())
                .int64(matrix.bias)
                .int64(matrix.thin)
                .int64(matrix.second)
                .int64(out.address())
                .int64(in.stride())
                .int64(in.rowStride())
                .int64(matrix.stride)
                .int64(out.stride())
                .int64(out.rowStride())
                .int32(rows)
                .int32(matrix.width)
                .int32(matrix.rank)
                .int32(KernelCodes.of(in.type()))
                .int32(KernelCodes.of(out.type()))
                .int32(relu ? 1 : 0)
                .int32(accumulate ? 1 : 0)
                .int32(0);
        launch(Kernel.BESIDE_THROUGH, (long) rows * Math.ceilDiv(matrix.width, PER_THREAD), scales);
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
