package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;

/**
 * Launches of attention on one stream, in the thread whose context is the device's; nothing is
 * allocated.
 */
@SuppressWarnings("EnumOrdinal") // kernels of a kind follow each other
public final class AttentionKernels implements AutoCloseable {
    /** The most elements that a head may have. */
    public static final int MAX_HEAD_DIM = 256;

    private static final int THREADS = 128; // four warps, as in attention.cu

    /** What the driver takes. */
    private static final int MOST_GRID_Z = 65_535;

    /** Entry points of the image. */
    private enum Kernel {
        ATTEND_64,
        ATTEND_128,
        ATTEND_256,
        ATTEND_BF16_64,
        ATTEND_BF16_128,
        ATTEND_BF16_256,
        ATTEND_F16_64,
        ATTEND_F16_128,
        ATTEND_F16_256
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
    public AttentionKernels(CudaApi api, long module, long stream) {
        launches = new KernelLaunches<>(Kernel.class, api, module, stream);
        arguments = launches.arguments();
    }

    /**
     * Attention of all heads and sequences.
     *
     * @param projected rows of projections, from the first new token; {@code past} rows of earlier
     *     tokens lie before it
     * @param starts address of the first row of each sequence and the number of rows, int32
     * @param sequences how many
     * @param longest rows of the longest
     * @param out results, contiguous rows
     */
    public void attend(
            AttendSpec spec,
            DeviceMatrix projected,
            int past,
            long starts,
            int sequences,
            int longest,
            DeviceMatrix out,
            int scales) {
        int most = MOST_GRID_Z / scales;
        for (int first = 0; first < sequences; first += most) {
            long from = starts + (long) first * Integer.BYTES;
            int count = Math.min(most, sequences - first);
            attendSome(spec, projected, past, from, count, longest, out, scales);
        }
    }

    private void attendSome(
            AttendSpec spec,
            DeviceMatrix projected,
            int past,
            long starts,
            int sequences,
            int longest,
            DeviceMatrix out,
            int scales) {
        HeadsSpec heads = spec.heads();
        arguments
                .begin()
                .int64(projected.address())
                .int64(out.address())
                .int64(starts)
                .int64(projected.stride())
                .int64(projected.rowStride())
                .int64(out.stride())
                .int32(past)
                .int32(sequences)
                .int32(heads.queries().count())
                .int32(heads.keys().count())
                .int32(heads.dim())
                .int32(heads.queries().start())
                .int32(heads.queries().stride())
                .int32(heads.keys().start())
                .int32(heads.keys().stride())
                .int32(heads.values().start())
                .int32(heads.values().stride())
                .int32(KernelCodes.window(spec.mask()))
                .int32(KernelCodes.of(projected.type()))
                .float32(spec.scale())
                .float32(spec.softcap())
                .int32(heads.queries().group())
                .int32(KernelCodes.ahead(spec.mask()))
                .int32(0);
        Kernel kernel = attention(projected.type(), heads.dim());
        int tiles = Math.ceilDiv(longest, queries(kernel));
        launches.launch(kernel, tiles, heads.queries().count(), sequences * scales, THREADS);
    }

    /** 16-bit types by the tensor cores, float32 by the ordinary ones. */
    private static Kernel attention(DType type, int headDim) {
        if (headDim > MAX_HEAD_DIM) {
            throw new IllegalArgumentException("no kernel has heads of " + headDim);
        }
        return switch (type) {
            case BF16 -> sized(headDim, Kernel.ATTEND_BF16_64);
            case F16 -> sized(headDim, Kernel.ATTEND_F16_64);
            default -> sized(headDim, Kernel.ATTEND_64);
        };
    }

    private static Kernel sized(int headDim, Kernel smallest) {
        int larger = headDim <= 64 ? 0 : headDim <= 128 ? 1 : 2;
        return Kernel.values()[smallest.ordinal() + larger];
    }

    /** Queries of a block. */
    private static int queries(Kernel kernel) {
        return switch (kernel) {
            case ATTEND_64, ATTEND_128 -> 32;
            case ATTEND_256 -> 8;
            default -> 64;
        };
    }

    @Override
    public void close() {
        launches.close();
    }
}
