package io.millrace.executor.cuda.compile;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The kernel files, as they lie beside the classes that launch them. */
public final class KernelSources {
    /** The file that includes all others. */
    static final String MAIN = "kernels.cu";

    /** What every compiler of them is told; the architecture comes beside it. */
    static final List<String> OPTIONS = List.of("-std=c++17", "--fmad=false");

    private static final String FOLDER = "/io/millrace/executor/cuda/kernel/";

    private static final List<String> FILES =
            List.of(
                    MAIN,
                    "common.cuh",
                    "random.cuh",
                    "mask.cuh",
                    "pass.cuh",
                    "thin.cuh",
                    "attention.cu",
                    "attention_tensor.cuh",
                    "beside.cu",
                    "cores.cu",
                    "elementwise.cu",
                    "form.cu",
                    "fp8.cu",
                    "loss.cu",
                    "low_rank.cu",
                    "low_rank_products.cu",
                    "norm.cu",
                    "orthogonal.cu",
                    "packed.cu",
                    "pairs.cu");

    private KernelSources() {}

    /** Every file's text by its name. */
    public static Map<String, String> all() {
        Map<String, String> texts = new LinkedHashMap<>();
        FILES.forEach(name -> texts.put(name, read(name)));
        return texts;
    }

    private static String read(String name) {
        try (InputStream stream = KernelSources.class.getResourceAsStream(FOLDER + name)) {
            if (stream == null) {
                throw new IllegalStateException("the kernel file " + name + " is not in the jar");
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
