package io.millrace.executor.cuda.kernel;

import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;

/**
 * Makes E4M3 of matrices, on one stream, in the thread whose context is the device's. Nothing is
 * waited for and nothing is allocated.
 */
public final class QuantizeKernels implements AutoCloseable {
    /** Widths are multiples of this. */
    public static final int WIDTH_QUANTUM = 16;

    /** Device memory of one quantisation, 16-byte aligned: its largest size, then its scale. */
    public static final long SCALE_BYTES = 32;

    private static final long SCALE_OFFSET = 16;
    private static final int PER_THREAD = 8; // elements, as in common.cuh
    private static final int BLOCK = 256;
    private static final int MOST_BLOCKS = 1024; // that look for the largest, each in many places

    private final CudaApi api;
    private final long stream;
    private final KernelArguments arguments = new KernelArguments();
    private final long largest;
    private final long quantize;

    /**
     * Finds the kernels.
     *
     * @param api the driver
     * @param module the loaded image; stays its owner's
     * @param stream where launches go
     */
    public QuantizeKernels(CudaApi api, long module, long stream) {
        this.api = api;
        this.stream = stream;
        try {
            largest = api.function(module, "millrace_largest");
            quantize = api.function(module, "millrace_quantize");
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Where a quantisation leaves the float32 that its E4M3 are to be multiplied by. */
    public static long scale(long place) {
        return place + SCALE_OFFSET;
    }

    /**
     * Makes E4M3 of the matrices of all scales of a query, which share one float32 scale: the
     * smallest power of two by which no finite element is beyond 448.
     *
     * @param in [rows, width] for each
     * @param rows of each
     * @param width a multiple of {@link #WIDTH_QUANTUM}
     * @param scales how many matrices
     * @param out where they go, one after another without gaps
     * @param place {@link #SCALE_BYTES} for the scale
     */
    public void quantize(DeviceMatrix in, int rows, int width, int scales, long out, long place) {
        api.fill(place, (byte) 0, Integer.BYTES, stream);
        int blocks = Math.toIntExact(Math.ceilDiv((long) rows * width, PER_THREAD * BLOCK));
        arguments.begin().int64(in.address()).int64(place);
        lay(in, rows, width);
        launch(largest, Math.min(MOST_BLOCKS, blocks), scales);
        arguments.begin().int64(in.address()).int64(out).int64(place).int64(scale(place));
        lay(in, rows, width);
        launch(quantize, blocks, scales);
    }

    private void lay(DeviceMatrix in, int rows, int width) {
        arguments
                .int64(in.stride())
                .int64(in.rowStride())
                .int32(rows)
                .int32(width)
                .int32(KernelCodes.of(in.type()))
                .int32(0);
    }

    private void launch(long function, int x, int y) {
        api.launchKernel(function, x, y, 1, BLOCK, 1, 1, 0, stream, arguments);
    }

    @Override
    public void close() {
        arguments.close();
    }
}
