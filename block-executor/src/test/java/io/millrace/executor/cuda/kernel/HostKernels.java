package io.millrace.executor.cuda.kernel;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.cuda.compile.KernelSources;
import io.millrace.memory.cuda.KernelLibrary;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The kernel files compiled as host code by g++, once for all tests of a JVM: what a {@link
 * io.millrace.memory.cuda.HostCuda} launches.
 */
@SuppressWarnings("restricted")
public final class HostKernels implements KernelLibrary {
    private static final List<String> TEST_FILES = List.of("host_device.h", "host_kernels.cpp");

    private static final FunctionDescriptor ENTRY =
            FunctionDescriptor.of(
                    ValueLayout.ADDRESS,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG);

    private static HostKernels compiled;

    private final SymbolLookup symbols;

    private HostKernels(Path library) {
        symbols = SymbolLookup.libraryLookup(library, Arena.global());
    }

    /** The kernels; skips the test, saying why, where they cannot be compiled. */
    public static synchronized HostKernels orSkip() {
        Optional<Path> compiler = Tools.find("g++");
        assumeTrue(compiler.isPresent(), "g++ is not on PATH: kernels do not run as host code");
        assumeTrue(
                System.getProperty("os.arch").equals("amd64"),
                "the switch between fibers is written for x86-64 alone");
        if (compiled == null) {
            compiled = new HostKernels(compile(compiler.get()));
        }
        return compiled;
    }

    private static Path compile(Path compiler) {
        try {
            Path folder = Files.createTempDirectory("millrace-kernels");
            folder.toFile().deleteOnExit();
            KernelSources.all().forEach((name, text) -> write(folder.resolve(name), text));
            for (String name : TEST_FILES) {
                write(folder.resolve(name), read(name));
            }
            Path library = folder.resolve("kernels.so");
            String said =
                    Tools.run(
                            folder,
                            120,
                            TimeUnit.SECONDS,
                            compiler.toString(),
                            "-std=c++20",
                            "-O2",
                            "-march=native",
                            "-ffp-contract=off",
                            "-fno-strict-aliasing",
                            "-Wall",
                            "-Wextra",
                            "-Wno-unknown-pragmas",
                            "-Werror",
                            "-DMILLRACE_HOST",
                            "-shared",
                            "-fPIC",
                            "host_kernels.cpp",
                            "-o",
                            library.toString());
            if (!said.isEmpty()) {
                throw new AssertionError("g++ says:\n" + said);
            }
            library.toFile().deleteOnExit();
            return library;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(String name) throws IOException {
        try (var stream = HostKernels.class.getResourceAsStream(name)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
            file.toFile().deleteOnExit();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public Kernel find(byte[] image, String name) {
        Optional<MemorySegment> symbol = symbols.find("entry_" + name);
        if (symbol.isEmpty()) {
            return null;
        }
        MethodHandle entry = Linker.nativeLinker().downcallHandle(symbol.get(), ENTRY);
        return launch -> run(entry, launch);
    }

    private static void run(MethodHandle entry, Launch launch) throws Throwable {
        // Fibers and shared memory exist once.
        synchronized (HostKernels.class) {
            try (Arena arena = Arena.ofConfined()) {
                long bytes = launch.arguments().byteSize();
                MemorySegment packed = arena.allocate(bytes, 16).copyFrom(launch.arguments());
                MemorySegment failure =
                        (MemorySegment)
                                entry.invokeExact(
                                        launch.grid()[0],
                                        launch.grid()[1],
                                        launch.grid()[2],
                                        launch.block()[0],
                                        launch.block()[1],
                                        launch.block()[2],
                                        packed,
                                        bytes);
                if (!failure.equals(MemorySegment.NULL)) {
                    throw new IllegalStateException(
                            failure.reinterpret(Integer.MAX_VALUE).getString(0));
                }
            }
        }
    }
}
