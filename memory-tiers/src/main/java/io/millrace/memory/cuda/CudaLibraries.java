package io.millrace.memory.cuda;

import io.millrace.memory.BadInputException;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.PointerCeiling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The shared libraries that a CUDA device needs, taken from the system. Each is loaded here by its
 * exact name before the classes that link to it are, for these would fail without saying what they
 * miss.
 */
public final class CudaLibraries {
    private static final String DRIVER = "libcuda.so.1";
    private static final String RUNTIME = "libcudart.so.13";
    private static final String MANAGEMENT = "libnvidia-ml.so.1";
    private static final List<String> MATRICES = List.of("libcublasLt.so.13", "libcublas.so.13");
    private static final String COMPILER = "libnvrtc.so.13";

    static {
        // Whoever links to CUDA has asked this class for the libraries before.
        PointerCeiling.lift();
    }

    private final Predicate<String> loads;

    /** The libraries of a machine that loads what a predicate says. */
    CudaLibraries(Predicate<String> loads) {
        this.loads = loads;
    }

    /** The libraries of this machine: on the loader's path, or in a toolkit under /usr/local. */
    public static CudaLibraries ofMachine() {
        return new CudaLibraries(SystemLoader::loads);
    }

    /**
     * Loads what driver calls need.
     *
     * @throws BadInputException naming what is missing and what to do
     */
    public void requireDriver() {
        require(DRIVER);
        require(RUNTIME);
    }

    /**
     * Loads cuBLASLt.
     *
     * @throws BadInputException naming what is missing and what to do
     */
    public void requireCublasLt() {
        requireDriver();
        MATRICES.forEach(this::require);
    }

    /**
     * Loads NVRTC.
     *
     * @throws BadInputException naming what is missing and what to do
     */
    public void requireNvrtc() {
        requireDriver();
        require(COMPILER);
    }

    /**
     * Asks NVML, if it can be loaded: it comes with the driver, but containers may leave it out.
     *
     * @param question what it is asked, by classes that link to it
     */
    NvmlAnswer management(Supplier<NvmlFacts> question) {
        if (!loads.test(MANAGEMENT)) {
            return NvmlAnswer.refused(MANAGEMENT + " cannot be loaded");
        }
        try {
            return NvmlAnswer.of(question.get());
        } catch (NativeCallException | LinkageError e) {
            return NvmlAnswer.refused(e.getMessage());
        }
    }

    /** What a CUDA device would miss on this machine, a line each; empty where nothing is. */
    public List<String> missing() {
        List<String> missing = new ArrayList<>();
        List.of(DRIVER, RUNTIME).forEach(library -> note(library, missing));
        MATRICES.forEach(library -> note(library, missing));
        note(COMPILER, missing);
        return missing;
    }

    private void note(String library, List<String> missing) {
        if (!loads.test(library)) {
            missing.add(what(library) + "; " + mend(library));
        }
    }

    private void require(String library) {
        if (!loads.test(library)) {
            throw new BadInputException(
                    "--device", what(library), mend(library) + ", or use --device cpu");
        }
    }

    private static String what(String library) {
        String part =
                switch (library) {
                    case DRIVER -> "the NVIDIA driver";
                    case RUNTIME -> "the CUDA 13 runtime";
                    case COMPILER -> "CUDA 13's run-time compiler NVRTC";
                    default -> "CUDA 13's cuBLASLt";
                };
        return "a CUDA device needs " + part + ", and " + library + " cannot be loaded";
    }

    private static String mend(String library) {
        return switch (library) {
            case DRIVER ->
                    "install the driver, so that nvidia-smi lists the device (in a container: start"
                            + " it with --gpus all)";
            case RUNTIME -> install("cuda-cudart-13-0");
            case COMPILER -> install("cuda-nvrtc-13-0");
            default -> install("libcublas-13-0");
        };
    }

    private static String install(String packageName) {
        return "install NVIDIA's package "
                + packageName
                + " or the CUDA 13 toolkit, or put the library's folder on LD_LIBRARY_PATH";
    }

    /** The system's loader. */
    @SuppressWarnings("restricted")
    private static final class SystemLoader {
        private static final Path TOOLKITS = Path.of("/usr/local");

        private SystemLoader() {}

        /** Loads a library for the life of the process, so that what links to its name finds it. */
        static boolean loads(String library) {
            if (opens(library)) {
                return true;
            }
            for (Path folder : folders()) {
                Path file = folder.resolve(library);
                if (Files.exists(file) && opens(file.toString())) {
                    return true;
                }
            }
            return false;
        }

        private static boolean opens(String name) {
            try {
                SymbolLookup.libraryLookup(name, Arena.global());
                return true;
            } catch (IllegalArgumentException _) {
                return false; // the loader's answer, not an error
            }
        }

        private static List<Path> folders() {
            List<Path> folders = new ArrayList<>();
            if (!Files.isDirectory(TOOLKITS)) {
                return folders;
            }
            try (DirectoryStream<Path> toolkits = Files.newDirectoryStream(TOOLKITS, "cuda*")) {
                for (Path toolkit : toolkits) {
                    folders.add(toolkit.resolve("lib64"));
                    folders.add(toolkit.resolve("lib"));
                    folders.add(toolkit.resolve("targets/x86_64-linux/lib"));
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return folders;
        }
    }
}
