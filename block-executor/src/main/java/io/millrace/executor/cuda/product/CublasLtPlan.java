package io.millrace.executor.cuda.product;

import static io.millrace.executor.cuda.product.CublasLtMatmul.check;

import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.NativeCallException;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/** How cuBLASLt computes one shape: its descriptors, and the algorithm that it proposed. */
final class CublasLtPlan implements AutoCloseable {
    private final cublasLtMatmulDescOpaque_t operation = new cublasLtMatmulDescOpaque_t();
    private final cublasLtMatrixLayoutOpaque_t w = new cublasLtMatrixLayoutOpaque_t();
    private final cublasLtMatrixLayoutOpaque_t x = new cublasLtMatrixLayoutOpaque_t();
    private final cublasLtMatrixLayoutOpaque_t y = new cublasLtMatrixLayoutOpaque_t();
    private final cublasLtMatmulHeuristicResult_t proposal = new cublasLtMatmulHeuristicResult_t();

    /** Asks the library; alignments in bytes. */
    CublasLtPlan(
            cublasLtContext context, CublasLtMatmul.Key key, Matmul type, long workspaceBytes) {
        try {
            MatmulShape shape = key.shape();
            describe(shape, compute(shape.inType(), type));
            if (shape.inType() == MatmulShape.E4M3) {
                scale(key.scales());
            }
            propose(context, key, workspaceBytes);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** TF32 is never the library's own choice: CUBLAS_COMPUTE_32F is of full precision. */
    private static int compute(DType in, Matmul type) {
        return type == Matmul.TF32 && in == DType.F32
                ? cublas.CUBLAS_COMPUTE_32F_FAST_TF32
                : cublas.CUBLAS_COMPUTE_32F;
    }

    private void describe(MatmulShape shape, int compute) {
        check(
                cublas.cublasLtMatmulDescInit(operation, compute, cudart.CUDA_R_32F),
                "cublasLtMatmulDescInit()");
        if (!shape.inputMajor()) {
            setOperation(cublas.CUBLASLT_MATMUL_DESC_TRANSA, cublas.CUBLAS_OP_T);
        }
        long wRows = shape.inputMajor() ? shape.outputs() : shape.inputs();
        long wColumns = shape.inputMajor() ? shape.inputs() : shape.outputs();
        int in = type(shape.inType());
        int batch = shape.batch();
        layOut(w, in, wRows, wColumns, shape.rowW(), batch, shape.strideW());
        layOut(x, in, shape.inputs(), shape.rows(), shape.rowX(), batch, shape.strideX());
        layOut(
                y,
                type(shape.outType()),
                shape.outputs(),
                shape.rows(),
                shape.rowY(),
                batch,
                shape.strideY());
    }

    /** The library's A is w. Short cuts in summing are left out: no sum below float32. */
    private void scale(MatmulScales scales) {
        setPointer(cublas.CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, scales.w());
        setPointer(cublas.CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, scales.x());
        try (BytePointer fast = new BytePointer(1)) {
            fast.put((byte) 0);
            setAttribute(cublas.CUBLASLT_MATMUL_DESC_FAST_ACCUM, fast, Byte.BYTES);
        }
    }

    private static int type(DType type) {
        return switch (type) {
            case F32 -> cudart.CUDA_R_32F;
            case F16 -> cudart.CUDA_R_16F;
            case BF16 -> cudart.CUDA_R_16BF;
            case U8 -> cudart.CUDA_R_8F_E4M3;
            default -> throw new IllegalArgumentException("no product of " + type);
        };
    }

    private void setOperation(int attribute, int value) {
        try (IntPointer pointer = new IntPointer(1)) {
            pointer.put(value);
            setAttribute(attribute, pointer, Integer.BYTES);
        }
    }

    private void setPointer(int attribute, long address) {
        try (LongPointer pointer = new LongPointer(1)) {
            pointer.put(address);
            setAttribute(attribute, pointer, Long.BYTES);
        }
    }

    private void setAttribute(int attribute, Pointer value, long bytes) {
        check(
                cublas.cublasLtMatmulDescSetAttribute(operation, attribute, value, bytes),
                "cublasLtMatmulDescSetAttribute(" + attribute + ")");
    }

    private static void layOut(
            cublasLtMatrixLayoutOpaque_t layout,
            int type,
            long rows,
            long columns,
            long leading,
            int batch,
            long stride) {
        check(
                cublas.cublasLtMatrixLayoutInit(layout, type, rows, columns, leading),
                "cublasLtMatrixLayoutInit()");
        try (IntPointer count = new IntPointer(1);
                LongPointer offset = new LongPointer(1)) {
            count.put(batch);
            offset.put(stride);
            set(layout, cublas.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count, Integer.BYTES);
            set(layout, cublas.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, offset, Long.BYTES);
        }
    }

    private static void set(
            cublasLtMatrixLayoutOpaque_t layout, int attribute, Pointer value, long bytes) {
        check(
                cublas.cublasLtMatrixLayoutSetAttribute(layout, attribute, value, bytes),
                "cublasLtMatrixLayoutSetAttribute(" + attribute + ")");
    }

    private void propose(cublasLtContext context, CublasLtMatmul.Key key, long workspaceBytes) {
        try (cublasLtMatmulPreferenceOpaque_t wishes = new cublasLtMatmulPreferenceOpaque_t();
                IntPointer found = new IntPointer(1)) {
            check(cublas.cublasLtMatmulPreferenceInit(wishes), "cublasLtMatmulPreferenceInit()");
            wishBytes(wishes, workspaceBytes);
            wish(wishes, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.alignW());
            wish(wishes, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.alignX());
            wish(wishes, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.alignY());
            wish(wishes, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.alignY());
            String call = "cublasLtMatmulAlgoGetHeuristic(" + key.shape() + ")";
            check(
                    cublas.cublasLtMatmulAlgoGetHeuristic(
                            context, operation, w, x, y, y, wishes, 1, proposal, found),
                    call);
            if (found.get() < 1) {
                throw new NativeCallException(
                        call, cublas.CUBLAS_STATUS_NOT_SUPPORTED, "no algorithm for this shape");
            }
        }
    }

    private static void wish(cublasLtMatmulPreferenceOpaque_t wishes, int attribute, long value) {
        try (IntPointer pointer = new IntPointer(1)) {
            pointer.put(Math.toIntExact(value));
            check(
                    cublas.cublasLtMatmulPreferenceSetAttribute(
                            wishes, attribute, pointer, Integer.BYTES),
                    "cublasLtMatmulPreferenceSetAttribute(" + attribute + ")");
        }
    }

    private static void wishBytes(cublasLtMatmulPreferenceOpaque_t wishes, long workspaceBytes) {
        int attribute = cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
        try (LongPointer pointer = new LongPointer(1)) {
            pointer.put(workspaceBytes);
            check(
                    cublas.cublasLtMatmulPreferenceSetAttribute(
                            wishes, attribute, pointer, Long.BYTES),
                    "cublasLtMatmulPreferenceSetAttribute(" + attribute + ")");
        }
    }

    cublasLtMatmulDescOpaque_t operation() {
        return operation;
    }

    cublasLtMatrixLayoutOpaque_t w() {
        return w;
    }

    cublasLtMatrixLayoutOpaque_t x() {
        return x;
    }

    cublasLtMatrixLayoutOpaque_t y() {
        return y;
    }

    cublasLtMatmulAlgo_t algorithm() {
        return proposal.algo();
    }

    @Override
    public void close() {
        operation.close();
        w.close();
        x.close();
        y.close();
        proposal.close();
    }
}
