package io.millrace.executor.cpu.op;

import io.millrace.memory.DType;
import io.millrace.memory.NativeCallException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Products with weights, {@code Y = X · W (+ bias) (+ Y)}, by oneDNN's matmul primitive: a kernel
 * compiled for the shape, faster than {@link Sgemm} by 5 % on 1024 rows and up to 2.8 times on 64.
 *
 * <p>One instance belongs to one worker. The first product of a shape takes about a millisecond to
 * compile (other workers then share the code); later ones allocate nothing on the heap. Keep the
 * number of shapes small: {@link GemmTiles} cuts few, and rows that callers pad to a quantum keep
 * the last tile from having a shape for each length of text.
 */
public final class Gemm implements AutoCloseable {
    private static final int INITIAL_SLOTS = 64;

    /** The order in which a matrix of weights with k inputs and n outputs lies in memory. */
    public enum Order {
        /** [n, k], as most models store them. */
        OUTPUTS,

        /** [k, n], as GPT-2 does. */
        INPUTS,

        /**
         * [n / 64, k / 2, 64, 2] of bfloat16: two inputs of an output side by side, as processors
         * multiply them, so that a product begins without laying its weights out anew.
         */
        PAIRS;

        /** Outputs of {@link #PAIRS} that lie together: n is a multiple. */
        public static final int PAIRED_OUTPUTS = 64;

        /** What k of {@link #PAIRS} is a multiple of. */
        public static final int PAIRED_INPUTS = 32;
    }

    private final long stream;
    private Arena scratchArena = Arena.ofShared();
    private MemorySegment scratch = scratchArena.allocate(64, 64);
    private DnnlMatmul[] slots = new DnnlMatmul[INITIAL_SLOTS]; // open addressing, never full
    private int size;
    private boolean closed;

    /** Opens oneDNN; a library that cannot load is a NativeCallException that says why. */
    public Gemm() {
        stream = Dnnl.createStream();
    }

    /**
     * {@link #multiply(DType, long, long, long, MemorySegment, long, long, MemorySegment, long,
     * Order, long, MemorySegment, long, boolean, MemorySegment, long, long)} of float32.
     */
    public void multiply(
            long m,
            long n,
            long k,
            MemorySegment x,
            long xOffset,
            long ldx,
            MemorySegment w,
            long wOffset,
            long ldw,
            boolean inputMajor,
            MemorySegment bias,
            long biasOffset,
            boolean accumulate,
            MemorySegment y,
            long yOffset,
            long ldy) {
        multiply(
                DType.F32,
                m,
                n,
                k,
                x,
                xOffset,
                ldx,
                w,
                wOffset,
                inputMajor ? Order.INPUTS : Order.OUTPUTS,
                ldw,
                bias,
                biasOffset,
                accumulate,
                y,
                yOffset,
                ldy);
    }

    /**
     * Multiplies; offsets and leading dimensions count elements. Unless {@code accumulate}, Y is
     * only written. Bias, sums and Y are float32 whatever X and W are.
     *
     * @param operands what X and W are: F32, or BF16 where {@link #multipliesBFloat16}
     * @param m rows of X and Y
     * @param n columns of Y
     * @param k columns of X
     * @param x left factor [m, k]
     * @param xOffset elements before X
     * @param ldx elements from a row of X to the next
     * @param w weights
     * @param wOffset elements before W
     * @param order how they lie; in pairs only where {@link #multipliesPairs}
     * @param ldw elements from a row of W to the next, as stored; without a meaning in pairs
     * @param bias a summand for each column [n], or null
     * @param biasOffset floats before the bias
     * @param accumulate whether to add to what Y holds
     * @param y result [m, n]
     * @param yOffset floats before Y
     * @param ldy floats from a row of Y to the next
     */
    public void multiply(
            DType operands,
            long m,
            long n,
            long k,
            MemorySegment x,
            long xOffset,
            long ldx,
            MemorySegment w,
            long wOffset,
            Order order,
            long ldw,
            MemorySegment bias,
            long biasOffset,
            boolean accumulate,
            MemorySegment y,
            long yOffset,
            long ldy) {
        if (m == 0 || n == 0) {
            return;
        }
        long xAddress = CheckedFloats.address(operands, x, xOffset, m, k, ldx);
        long wAddress = address(operands, w, wOffset, order, ldw, n, k);
        long biasAddress = bias == null ? 0 : CheckedFloats.address(bias, biasOffset, 1, n, n);
        long yAddress = CheckedFloats.address(y, yOffset, m, n, ldy);
        Dnnl.alone();
        int options =
                (operands == DType.BF16 ? DnnlMatmul.BFLOAT16 : 0)
                        | options(order)
                        | (bias != null ? DnnlMatmul.BIAS : 0)
                        | (accumulate ? DnnlMatmul.ACCUMULATE : 0);
        find(m, n, k, ldx, ldw, ldy, options)
                .execute(stream, xAddress, wAddress, biasAddress, yAddress, scratch.address());
    }

    /**
     * {@code C += Aᵀ B} of bfloat16, C and sums in float32.
     *
     * @param m columns of A and rows of C
     * @param n columns of B and C
     * @param k rows of A and B
     * @param lda elements from a row of A to the next
     * @param ldb the same of B
     * @param ldc the same of C
     */
    public void addOuter(
            long m,
            long n,
            long k,
            MemorySegment a,
            long aOffset,
            long lda,
            MemorySegment b,
            long bOffset,
            long ldb,
            MemorySegment c,
            long cOffset,
            long ldc) {
        if (m == 0 || n == 0 || k == 0) {
            return;
        }
        long aAddress = CheckedFloats.address(DType.BF16, a, aOffset, k, m, lda);
        long bAddress = CheckedFloats.address(DType.BF16, b, bOffset, k, n, ldb);
        long cAddress = CheckedFloats.address(c, cOffset, m, n, ldc);
        Dnnl.alone();
        int options =
                DnnlMatmul.BFLOAT16
                        | DnnlMatmul.TURNED
                        | DnnlMatmul.INPUT_MAJOR
                        | DnnlMatmul.ACCUMULATE;
        find(m, n, k, lda, ldb, ldc, options)
                .execute(stream, aAddress, bAddress, 0, cAddress, scratch.address());
    }

    private static long address(
            DType operands, MemorySegment w, long offset, Order order, long ld, long n, long k) {
        return switch (order) {
            case OUTPUTS -> CheckedFloats.address(operands, w, offset, n, k, ld);
            case INPUTS -> CheckedFloats.address(operands, w, offset, k, n, ld);
            case PAIRS -> {
                if (operands != DType.BF16
                        || n % Order.PAIRED_OUTPUTS != 0
                        || k % Order.PAIRED_INPUTS != 0) {
                    throw new IllegalArgumentException(
                            n + " outputs of " + k + " inputs in " + operands + " do not pair");
                }
                yield CheckedFloats.address(operands, w, offset, n, k, k);
            }
        };
    }

    private static int options(Order order) {
        return switch (order) {
            case OUTPUTS -> 0;
            case INPUTS -> DnnlMatmul.INPUT_MAJOR;
            case PAIRS -> DnnlMatmul.PAIRED;
        };
    }

    /**
     * Whether oneDNN multiplies pairs as they lie, by kernels that are made for them: where the
     * processor has instructions for products of bfloat16.
     */
    public static boolean multipliesPairs() {
        return Pairs.MULTIPLIED;
    }

    /** Tried once for the process. */
    private static final class Pairs {
        static final boolean MULTIPLIED = tried();

        private static boolean tried() {
            int inputs = Order.PAIRED_INPUTS;
            int outputs = Order.PAIRED_OUTPUTS;
            int options = DnnlMatmul.BFLOAT16 | DnnlMatmul.PAIRED;
            try (DnnlMatmul made =
                    new DnnlMatmul(16, outputs, inputs, inputs, inputs, outputs, options)) {
                return made.implementation().startsWith("brg");
            } catch (NativeCallException e) {
                if (e.code() == Dnnl.UNIMPLEMENTED) {
                    return false;
                }
                throw e;
            }
        }
    }

    /**
     * Whether oneDNN has products of bfloat16 for this processor. Where it has, and the processor
     * has no instruction for them, they are made by widening and slower than float32.
     */
    public static boolean multipliesBFloat16() {
        try (DnnlMatmul _ = new DnnlMatmul(16, 16, 16, 16, 16, 16, DnnlMatmul.BFLOAT16)) {
            return true;
        } catch (NativeCallException e) {
            if (e.code() == Dnnl.UNIMPLEMENTED) {
                return false;
            }
            throw e;
        }
    }

    /** Shapes compiled so far. */
    public int shapeCount() {
        return size;
    }

    private DnnlMatmul find(long m, long n, long k, long ldx, long ldw, long ldy, int options) {
        int slot = DnnlMatmul.hash(m, n, k, ldx, ldw, ldy, options) & (slots.length - 1);
        while (slots[slot] != null) {
            if (slots[slot].isFor(m, n, k, ldx, ldw, ldy, options)) {
                return slots[slot];
            }
            slot = (slot + 1) & (slots.length - 1);
        }
        if (closed) {
            throw new IllegalStateException("gemm is closed");
        }
        DnnlMatmul made = new DnnlMatmul(m, n, k, ldx, ldw, ldy, options);
        reserveScratch(made.scratchBytes());
        slots[slot] = made;
        size++;
        if (size * 2 > slots.length) {
            grow();
        }
        return made;
    }

    private void reserveScratch(long bytes) {
        if (bytes > scratch.byteSize()) {
            scratchArena.close();
            scratchArena = Arena.ofShared();
            scratch = scratchArena.allocate(bytes, 64);
        }
    }

    private void grow() {
        DnnlMatmul[] old = slots;
        slots = new DnnlMatmul[old.length * 2];
        for (DnnlMatmul matmul : old) {
            if (matmul != null) {
                int slot = matmul.hash() & (slots.length - 1);
                while (slots[slot] != null) {
                    slot = (slot + 1) & (slots.length - 1);
                }
                slots[slot] = matmul;
            }
        }
    }

    /** Frees the kernels; a second call does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (DnnlMatmul matmul : slots) {
            if (matmul != null) {
                matmul.close();
            }
        }
        slots = new DnnlMatmul[1];
        try {
            Dnnl.check((int) Dnnl.STREAM_DESTROY.invokeExact(stream), "dnnl_stream_destroy");
        } catch (Throwable e) {
            throw Dnnl.unexpected(e);
        } finally {
            scratchArena.close();
        }
    }
}
