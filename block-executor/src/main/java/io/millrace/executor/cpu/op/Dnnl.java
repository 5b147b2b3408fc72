package io.millrace.executor.cpu.op;

import io.millrace.memory.NativeCallException;
import io.millrace.memory.PointerCeiling;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.Loader;

/**
 * The native boundary: those functions of oneDNN's C API that the operators call, in the library
 * that Bytedeco brings. Bytedeco's own wrappers make an object a call; these take addresses as
 * longs.
 *
 * <p>The number of OpenMP threads is a setting of the calling thread, so {@link #alone} comes
 * before each product: then oneDNN never makes a thread of its own.
 */
@SuppressWarnings("restricted")
final class Dnnl {
    // dnnl_types.h and dnnl_common_types.h
    static final int BF16 = 2;
    static final int F32 = 3;
    static final int ARG_SRC = 1;
    static final int ARG_DST = 17;
    static final int ARG_WEIGHTS = 33;
    static final int ARG_BIAS = 41;
    static final int ARG_SCRATCHPAD = 80;
    static final int SCRATCHPAD_MODE_USER = 1;
    static final int PAIRED_64 = 384; // dnnl_BA16a64b2a
    private static final int QUERY_SCRATCHPAD_MD = 136;
    private static final int QUERY_IMPLEMENTATION = 8;
    private static final int CPU = 1;
    private static final int STREAM_IN_ORDER = 1;
    static final int MAX_DIMS = 12;
    private static final int MAX_NAME = 256; // bytes that names of implementations stay below
    static final int UNIMPLEMENTED = 3; // a status

    private static final ValueLayout.OfLong PTR = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfLong DIM = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
    private static final ValueLayout.OfByte CHAR = ValueLayout.JAVA_BYTE;

    private static final SymbolLookup LIBRARY = load();

    private static final MethodHandle OMP_SET_NUM_THREADS =
            Linker.nativeLinker()
                    .downcallHandle(
                            LIBRARY.findOrThrow("omp_set_num_threads"),
                            FunctionDescriptor.ofVoid(INT),
                            Linker.Option.critical(false));

    static final MethodHandle SGEMM =
            bind(
                    "dnnl_sgemm",
                    CHAR,
                    CHAR,
                    DIM,
                    DIM,
                    DIM,
                    FLOAT,
                    PTR,
                    DIM,
                    PTR,
                    DIM,
                    FLOAT,
                    PTR,
                    DIM);
    static final MethodHandle STREAM_DESTROY = bind("dnnl_stream_destroy", PTR);
    static final MethodHandle MEMORY_DESC_CREATE =
            bind("dnnl_memory_desc_create_with_strides", PTR, INT, PTR, INT, PTR);
    static final MethodHandle MEMORY_DESC_CREATE_TAGGED =
            bind("dnnl_memory_desc_create_with_tag", PTR, INT, PTR, INT, INT);
    static final MethodHandle MEMORY_DESC_DESTROY = bind("dnnl_memory_desc_destroy", PTR);
    static final MethodHandle MEMORY_CREATE = bind("dnnl_memory_create", PTR, PTR, PTR, PTR);
    static final MethodHandle MEMORY_SET_DATA_HANDLE =
            bind("dnnl_memory_set_data_handle", PTR, PTR);
    static final MethodHandle MEMORY_DESTROY = bind("dnnl_memory_destroy", PTR);
    static final MethodHandle ATTR_CREATE = bind("dnnl_primitive_attr_create", PTR);
    static final MethodHandle ATTR_DESTROY = bind("dnnl_primitive_attr_destroy", PTR);
    static final MethodHandle ATTR_SET_SCRATCHPAD_MODE =
            bind("dnnl_primitive_attr_set_scratchpad_mode", PTR, INT);
    static final MethodHandle ATTR_SET_POST_OPS =
            bind("dnnl_primitive_attr_set_post_ops", PTR, PTR);
    static final MethodHandle POST_OPS_CREATE = bind("dnnl_post_ops_create", PTR);
    static final MethodHandle POST_OPS_DESTROY = bind("dnnl_post_ops_destroy", PTR);
    static final MethodHandle POST_OPS_APPEND_SUM =
            bind("dnnl_post_ops_append_sum", PTR, FLOAT, INT, INT);
    static final MethodHandle MATMUL_DESC_CREATE =
            bind("dnnl_matmul_primitive_desc_create", PTR, PTR, PTR, PTR, PTR, PTR, PTR);
    static final MethodHandle PRIMITIVE_DESC_DESTROY = bind("dnnl_primitive_desc_destroy", PTR);
    static final MethodHandle PRIMITIVE_CREATE = bind("dnnl_primitive_create", PTR, PTR);
    static final MethodHandle PRIMITIVE_DESTROY = bind("dnnl_primitive_destroy", PTR);
    static final MethodHandle PRIMITIVE_EXECUTE =
            bind("dnnl_primitive_execute", PTR, PTR, INT, PTR);

    private static final MethodHandle ENGINE_CREATE =
            bind("dnnl_engine_create", PTR, INT, ValueLayout.JAVA_LONG);
    private static final MethodHandle STREAM_CREATE = bind("dnnl_stream_create", PTR, PTR, INT);
    private static final MethodHandle QUERY_MD =
            bindResult("dnnl_primitive_desc_query_md", PTR, PTR, INT, INT);
    private static final MethodHandle QUERY = bind("dnnl_primitive_desc_query", PTR, INT, INT, PTR);
    private static final MethodHandle EFFECTIVE_CPU_ISA =
            bindResult("dnnl_get_effective_cpu_isa", INT);
    private static final MethodHandle MEMORY_DESC_SIZE =
            bindResult("dnnl_memory_desc_get_size", ValueLayout.JAVA_LONG, PTR);

    /**
     * The CPU engine, one for the process and never destroyed: oneDNN shares compiled kernels
     * between threads through a cache of its own that outlives any caller.
     */
    static final long ENGINE = createEngine();

    private Dnnl() {}

    private static SymbolLookup load() {
        PointerCeiling.lift();
        try {
            // Brings libgomp and libdnnl to one folder and loads them, then Bytedeco's own wrapper.
            Path wrapper = Path.of(Loader.load(org.bytedeco.dnnl.global.dnnl.class));
            Path library = wrapper.resolveSibling("libdnnl.so.3");
            if (!Files.exists(library)) {
                throw new IOException("not beside the wrapper: " + library);
            }
            return SymbolLookup.libraryLookup(library, Arena.global());
        } catch (IOException | LinkageError | RuntimeException e) {
            NativeCallException failed =
                    new NativeCallException(
                            "load oneDNN for " + System.getProperty("os.arch"),
                            -1,
                            "the CPU device cannot compute without it; its native libraries must be on the"
                                    + " class path and the cache folder (-Dorg.bytedeco.javacpp.cachedir,"
                                    + " else ~/.javacpp) writable: "
                                    + e);
            failed.addSuppressed(e);
            throw failed;
        }
    }

    private static MethodHandle bind(String function, MemoryLayout... arguments) {
        return bindResult(function, INT, arguments);
    }

    private static MethodHandle bindResult(
            String function, MemoryLayout result, MemoryLayout... arguments) {
        return Linker.nativeLinker()
                .downcallHandle(
                        LIBRARY.findOrThrow(function), FunctionDescriptor.of(result, arguments));
    }

    /** Keeps oneDNN's next call on this thread to this thread; some nanoseconds. */
    static void alone() {
        try {
            OMP_SET_NUM_THREADS.invokeExact(1);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static long createEngine() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
            check((int) ENGINE_CREATE.invokeExact(out.address(), CPU, 0L), "dnnl_engine_create");
            return out.get(ValueLayout.JAVA_LONG, 0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static long createStream() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
            check(
                    (int) STREAM_CREATE.invokeExact(out.address(), ENGINE, STREAM_IN_ORDER),
                    "dnnl_stream_create");
            return out.get(ValueLayout.JAVA_LONG, 0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Bytes of scratch memory that a primitive asks for. */
    static long scratchBytes(long primitiveDesc) {
        try {
            long descriptor = (long) QUERY_MD.invokeExact(primitiveDesc, QUERY_SCRATCHPAD_MD, 0);
            return (long) MEMORY_DESC_SIZE.invokeExact(descriptor);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** The name of what a primitive is made by, as the library's own log has it. */
    static String implementation(long primitiveDesc) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
            check(
                    (int) QUERY.invokeExact(primitiveDesc, QUERY_IMPLEMENTATION, 0, out.address()),
                    "dnnl_primitive_desc_query");
            return MemorySegment.ofAddress(out.get(ValueLayout.JAVA_LONG, 0))
                    .reinterpret(MAX_NAME)
                    .getString(0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** The instructions that oneDNN compiles for, by the names that its documents have for them. */
    static String instructions() {
        try {
            int isa = (int) EFFECTIVE_CPU_ISA.invokeExact();
            return switch (isa) {
                case 0x1 -> "sse41";
                case 0x3 -> "avx";
                case 0x7 -> "avx2";
                case 0xf -> "avx2_vnni";
                case 0x1f -> "avx2_vnni_2";
                case 0x27 -> "avx512_core";
                case 0x67 -> "avx512_core_vnni";
                case 0xe7 -> "avx512_core_bf16";
                case 0x1ef -> "avx512_core_fp16";
                case 0xfef -> "avx512_core_amx";
                case 0x1fef -> "avx512_core_amx_fp16";
                default -> String.format("isa 0x%x", isa);
            };
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static void check(int status, String call) {
        if (status != 0) {
            throw new NativeCallException(call, status, meaning(status));
        }
    }

    /** What a call by method handle throws besides its own: nothing that a caller could mend. */
    static RuntimeException unexpected(Throwable e) {
        if (e instanceof RuntimeException unchecked) {
            return unchecked;
        }
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException(e);
    }

    private static String meaning(int status) {
        return switch (status) {
            case 1 -> "out of memory";
            case 2 -> "invalid arguments";
            case UNIMPLEMENTED -> "not implemented for this shape";
            case 5 -> "runtime error";
            default -> "unknown oneDNN status";
        };
    }
}
