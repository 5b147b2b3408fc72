package io.millrace.executor.cpu.op;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayDeque;
import java.util.Deque;

/** One compiled matmul of a fixed shape, with the memory objects through which it is called. */
final class DnnlMatmul implements AutoCloseable {
    static final int INPUT_MAJOR = 1;
    static final int BIAS = 2;
    static final int ACCUMULATE = 4;
    static final int BFLOAT16 = 8; // what X and W are; else float32, as all else
    static final int PAIRED = 16; // W is, and bfloat16
    static final int TURNED = 32; // X is stored [k, m]

    private static final int ARGUMENT_BYTES = 16; // struct { int arg; dnnl_memory_t memory; }

    private final long m;
    private final long n;
    private final long k;
    private final long ldx;
    private final long ldw;
    private final long ldy;
    private final int options;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
    private final MemorySegment dims = arena.allocate(ValueLayout.JAVA_LONG, Dnnl.MAX_DIMS);
    private final MemorySegment strides = arena.allocate(ValueLayout.JAVA_LONG, Dnnl.MAX_DIMS);
    private final MemorySegment arguments = arena.allocate(5L * ARGUMENT_BYTES, 8);
    private final long primitive;
    private final long src;
    private final long weights;
    private final long bias;
    private final long dst;
    private final long scratchpad;
    private final long scratchBytes;
    private final String implementation;
    private int argumentCount;

    DnnlMatmul(long m, long n, long k, long ldx, long ldw, long ldy, int options) {
        this.m = m;
        this.n = n;
        this.k = k;
        this.ldx = ldx;
        this.ldw = ldw;
        this.ldy = ldy;
        this.options = options;
        boolean inputMajor = (options & INPUT_MAJOR) != 0;
        boolean biased = (options & BIAS) != 0;
        Deque<Made> passing = new ArrayDeque<>();
        Deque<Made> kept = new ArrayDeque<>();
        try {
            int operands = (options & BFLOAT16) != 0 ? Dnnl.BF16 : Dnnl.F32;
            boolean turned = (options & TURNED) != 0;
            long srcDesc = describe(passing, operands, m, k, turned ? 1 : ldx, turned ? ldx : 1);
            long weightsDesc =
                    (options & PAIRED) != 0
                            ? describePairs(passing)
                            : describe(
                                    passing,
                                    operands,
                                    k,
                                    n,
                                    inputMajor ? ldw : 1,
                                    inputMajor ? 1 : ldw);
            long biasDesc = biased ? describe(passing, Dnnl.F32, 1, n, n, 1) : 0;
            long dstDesc = describe(passing, Dnnl.F32, m, n, ldy, 1);
            long attributes = attributes(passing, (options & ACCUMULATE) != 0);
            Dnnl.check(
                    (int)
                            Dnnl.MATMUL_DESC_CREATE.invokeExact(
                                    out.address(),
                                    Dnnl.ENGINE,
                                    srcDesc,
                                    weightsDesc,
                                    biasDesc,
                                    dstDesc,
                                    attributes),
                    "dnnl_matmul_primitive_desc_create(" + this + ")");
            long desc = taken(passing, Dnnl.PRIMITIVE_DESC_DESTROY);
            Dnnl.check(
                    (int) Dnnl.PRIMITIVE_CREATE.invokeExact(out.address(), desc),
                    "dnnl_primitive_create(" + this + ")");
            primitive = taken(kept, Dnnl.PRIMITIVE_DESTROY);
            scratchBytes = Dnnl.scratchBytes(desc);
            implementation = Dnnl.implementation(desc);
            long scratchFloats = Math.max(scratchBytes / Float.BYTES, 1);
            long scratchDesc = describe(passing, Dnnl.F32, 1, scratchFloats, 1, 1);
            src = memory(kept, srcDesc, Dnnl.ARG_SRC);
            weights = memory(kept, weightsDesc, Dnnl.ARG_WEIGHTS);
            dst = memory(kept, dstDesc, Dnnl.ARG_DST);
            scratchpad = memory(kept, scratchDesc, Dnnl.ARG_SCRATCHPAD);
            bias = biased ? memory(kept, biasDesc, Dnnl.ARG_BIAS) : 0;
            while (!passing.isEmpty()) {
                passing.pop().destroy();
            }
        } catch (Throwable e) {
            destroyAfter(passing, e);
            destroyAfter(kept, e);
            arena.close();
            throw Dnnl.unexpected(e);
        }
    }

    /** An object of the library. */
    private record Made(MethodHandle destroyer, long object) {
        void destroy() throws Throwable {
            DnnlMatmul.destroy(destroyer, object);
        }
    }

    private static void destroyAfter(Deque<Made> made, Throwable failure) {
        while (!made.isEmpty()) {
            try {
                made.pop().destroy();
            } catch (Throwable e) {
                failure.addSuppressed(e);
            }
        }
    }

    static int hash(long m, long n, long k, long ldx, long ldw, long ldy, int options) {
        long h = m;
        h = h * 31 + n;
        h = h * 31 + k;
        h = h * 31 + ldx;
        h = h * 31 + ldw;
        h = h * 31 + ldy;
        h = (h * 31 + options) * 0x9E3779B97F4A7C15L;
        return (int) (h >>> 32);
    }

    int hash() {
        return hash(m, n, k, ldx, ldw, ldy, options);
    }

    boolean isFor(long m, long n, long k, long ldx, long ldw, long ldy, int options) {
        return this.m == m
                && this.n == n
                && this.k == k
                && this.ldx == ldx
                && this.ldw == ldw
                && this.ldy == ldy
                && this.options == options;
    }

    long scratchBytes() {
        return scratchBytes;
    }

    /** What the library made it by. */
    String implementation() {
        return implementation;
    }

    void execute(long stream, long x, long w, long b, long y, long scratch) {
        try {
            Dnnl.check((int) Dnnl.MEMORY_SET_DATA_HANDLE.invokeExact(src, x), "src");
            Dnnl.check((int) Dnnl.MEMORY_SET_DATA_HANDLE.invokeExact(weights, w), "weights");
            Dnnl.check((int) Dnnl.MEMORY_SET_DATA_HANDLE.invokeExact(dst, y), "dst");
            Dnnl.check(
                    (int) Dnnl.MEMORY_SET_DATA_HANDLE.invokeExact(scratchpad, scratch), "scratch");
            if (bias != 0) {
                Dnnl.check((int) Dnnl.MEMORY_SET_DATA_HANDLE.invokeExact(bias, b), "bias");
            }
            int status =
                    (int)
                            Dnnl.PRIMITIVE_EXECUTE.invokeExact(
                                    primitive, stream, argumentCount, arguments.address());
            if (status != 0) {
                Dnnl.check(status, "dnnl_primitive_execute(" + this + ")");
            }
        } catch (Throwable e) {
            throw Dnnl.unexpected(e);
        }
    }

    @Override
    public void close() {
        try {
            for (int i = 0; i < argumentCount; i++) {
                destroy(
                        Dnnl.MEMORY_DESTROY,
                        arguments.get(ValueLayout.JAVA_LONG, (long) i * ARGUMENT_BYTES + 8));
            }
            destroy(Dnnl.PRIMITIVE_DESTROY, primitive);
        } catch (Throwable e) {
            throw Dnnl.unexpected(e);
        } finally {
            arena.close();
        }
    }

    @Override
    public String toString() {
        return "m "
                + m
                + ", n "
                + n
                + ", k "
                + k
                + ", strides "
                + ldx
                + " "
                + ldw
                + " "
                + ldy
                + ", options "
                + options;
    }

    /** What the library just made, which somebody has to destroy. */
    private long taken(Deque<Made> owner, MethodHandle destroyer) {
        long object = out.get(ValueLayout.JAVA_LONG, 0);
        owner.push(new Made(destroyer, object));
        return object;
    }

    private long describe(
            Deque<Made> owner, int type, long rows, long columns, long rowStride, long columnStride)
            throws Throwable {
        dims.setAtIndex(ValueLayout.JAVA_LONG, 0, rows);
        dims.setAtIndex(ValueLayout.JAVA_LONG, 1, columns);
        strides.setAtIndex(ValueLayout.JAVA_LONG, 0, rowStride);
        strides.setAtIndex(ValueLayout.JAVA_LONG, 1, columnStride);
        Dnnl.check(
                (int)
                        Dnnl.MEMORY_DESC_CREATE.invokeExact(
                                out.address(), 2, dims.address(), type, strides.address()),
                "dnnl_memory_desc_create_with_strides(" + this + ")");
        return taken(owner, Dnnl.MEMORY_DESC_DESTROY);
    }

    private long describePairs(Deque<Made> owner) throws Throwable {
        dims.setAtIndex(ValueLayout.JAVA_LONG, 0, k);
        dims.setAtIndex(ValueLayout.JAVA_LONG, 1, n);
        Dnnl.check(
                (int)
                        Dnnl.MEMORY_DESC_CREATE_TAGGED.invokeExact(
                                out.address(), 2, dims.address(), Dnnl.BF16, Dnnl.PAIRED_64),
                "dnnl_memory_desc_create_with_tag(" + this + ")");
        return taken(owner, Dnnl.MEMORY_DESC_DESTROY);
    }

    private long attributes(Deque<Made> owner, boolean accumulate) throws Throwable {
        Dnnl.check((int) Dnnl.ATTR_CREATE.invokeExact(out.address()), "dnnl_primitive_attr_create");
        long attributes = taken(owner, Dnnl.ATTR_DESTROY);
        Dnnl.check(
                (int)
                        Dnnl.ATTR_SET_SCRATCHPAD_MODE.invokeExact(
                                attributes, Dnnl.SCRATCHPAD_MODE_USER),
                "dnnl_primitive_attr_set_scratchpad_mode");
        if (accumulate) {
            Dnnl.check((int) Dnnl.POST_OPS_CREATE.invokeExact(out.address()), "post_ops_create");
            long postOps = taken(owner, Dnnl.POST_OPS_DESTROY);
            Dnnl.check(
                    (int) Dnnl.POST_OPS_APPEND_SUM.invokeExact(postOps, 1f, 0, 0),
                    "dnnl_post_ops_append_sum");
            Dnnl.check(
                    (int) Dnnl.ATTR_SET_POST_OPS.invokeExact(attributes, postOps),
                    "dnnl_primitive_attr_set_post_ops");
        }
        return attributes;
    }

    private long memory(Deque<Made> owner, long desc, int argument) throws Throwable {
        Dnnl.check(
                (int) Dnnl.MEMORY_CREATE.invokeExact(out.address(), desc, Dnnl.ENGINE, 0L),
                "dnnl_memory_create(" + this + ")");
        long made = taken(owner, Dnnl.MEMORY_DESTROY);
        long at = (long) argumentCount * ARGUMENT_BYTES;
        arguments.set(ValueLayout.JAVA_INT, at, argument);
        arguments.set(ValueLayout.JAVA_LONG, at + 8, made);
        argumentCount++;
        return made;
    }

    private static void destroy(MethodHandle destroyer, long object) throws Throwable {
        Dnnl.check((int) destroyer.invokeExact(object), "destroy");
    }
}
