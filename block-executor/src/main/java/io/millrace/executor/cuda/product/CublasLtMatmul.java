package io.millrace.executor.cuda.product;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.NativeCallException;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Products by cuBLASLt. Its matrices are column-major: so a row-major product is asked for as its
 * transpose, {@code yᵀ = w xᵀ}, with w turned where it is not stored input-major. All matrices of a
 * batch go in one strided call.
 *
 * <p>The library's first proposal for a shape is kept: so a shape is computed in the same order of
 * sums every time. Plans that were not used for long are made again when they are, to the same
 * proposal.
 */
public final class CublasLtMatmul implements DeviceMatmul {
    // What every stored tensor has: so its product is the same as one formed in scratch.
    private static final long MOST_ALIGNED = BlockLayout.ALIGNMENT;

    /** Many times the shapes of a step; texts of every length have more. */
    private static final int MOST_PLANS = 512;

    private final cublasLtContext context = new cublasLtContext();
    private final RecentlyUsed<Key, CublasLtPlan> plans =
            new RecentlyUsed<>(MOST_PLANS, CublasLtPlan::close);
    private final long workspaceBytes;
    private final Matmul type;
    private final Stream stream;
    private final Address workspace = new Address();
    private final Address x = new Address();
    private final Address w = new Address();
    private final Address y = new Address();
    private final FloatPointer factor = new FloatPointer(1f); // read when a product is handed over
    private final FloatPointer one = new FloatPointer(1f);
    private final FloatPointer zero = new FloatPointer(0f);

    /** What a plan depends on: kernels for one alignment may not be used with a lesser one. */
    record Key(MatmulShape shape, MatmulScales scales, long alignX, long alignW, long alignY) {}

    /** Device memory, as the presets take it. */
    private static final class Address extends Pointer {
        Address at(long value) {
            address = value;
            return this;
        }
    }

    private static final class Stream extends CUstream_st {
        Stream(long handle) {
            super((Pointer) null);
            address = handle;
        }
    }

    /**
     * Opens the library for the current device.
     *
     * @param streamHandle where products go
     * @param workspaceAddress 256-byte aligned
     * @param workspaceBytes how much of it there is
     * @param type what products compute on
     */
    public CublasLtMatmul(
            long streamHandle, long workspaceAddress, long workspaceBytes, Matmul type) {
        this.workspaceBytes = workspaceBytes;
        this.type = type;
        stream = new Stream(streamHandle);
        workspace.at(workspaceAddress);
        check(cublas.cublasLtCreate(context), "cublasLtCreate()");
    }

    static void check(int status, String call) {
        if (status != cublas.CUBLAS_STATUS_SUCCESS) {
            String text = cublas.cublasGetStatusString(status).getString();
            throw new NativeCallException(call, status, text);
        }
    }

    @Override
    public void multiply(
            MatmulShape shape,
            long xAddress,
            long wAddress,
            MatmulScales scales,
            long yAddress,
            float productFactor) {
        DType in = shape.inType();
        Key key =
                new Key(
                        shape,
                        scales,
                        alignment(xAddress, shape.rowX(), shape.strideX(), in),
                        alignment(wAddress, shape.rowW(), shape.strideW(), in),
                        alignment(yAddress, shape.rowY(), shape.strideY(), shape.outType()));
        CublasLtPlan plan = plans.get(key);
        if (plan == null) {
            plan = new CublasLtPlan(context, key, type, workspaceBytes);
            plans.put(key, plan);
        }
        y.at(yAddress);
        factor.put(productFactor);
        int status =
                cublas.cublasLtMatmul(
                        context,
                        plan.operation(),
                        factor,
                        w.at(wAddress),
                        plan.w(),
                        x.at(xAddress),
                        plan.x(),
                        shape.accumulate() ? one : zero,
                        y,
                        plan.y(),
                        y,
                        plan.y(),
                        plan.algorithm(),
                        workspace,
                        workspaceBytes,
                        stream);
        if (status != cublas.CUBLAS_STATUS_SUCCESS) {
            check(status, "cublasLtMatmul(" + shape + ")");
        }
    }

    /** The largest power of two, up to a bound, that every row of every matrix begins at. */
    private static long alignment(long address, long row, long stride, DType type) {
        long bits = address | row * type.sizeBytes() | stride * type.sizeBytes();
        return bits == 0 ? MOST_ALIGNED : Math.min(MOST_ALIGNED, Long.lowestOneBit(bits));
    }

    @Override
    public void close() {
        plans.close();
        if (!context.isNull()) {
            check(cublas.cublasLtDestroy(context), "cublasLtDestroy()");
            context.setNull();
        }
        factor.close();
        one.close();
        zero.close();
    }
}
