package io.millrace.executor.cuda.product;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.cuda.kernel.Tools;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What cuBLASLt is asked, through the presets' native code, by a library that says it. */
@Timeout(120)
final class CublasLtCallsTest {
    private static final Path COMPILER = Path.of("/usr/bin/cc");

    @TempDir private Path folder;

    private void compile(String source, String library) throws IOException {
        Files.writeString(folder.resolve(library + ".c"), source);
        Files.writeString(folder.resolve("versions"), library + " { *; };");
        Tools.run(
                folder,
                60,
                TimeUnit.SECONDS,
                COMPILER.toString(),
                "-shared",
                "-fPIC",
                "-O1",
                "-Wl,-soname," + library,
                "-Wl,--version-script,versions",
                "-o",
                library,
                library + ".c");
    }

    private List<String> said() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElseThrow());
        command.addAll(
                ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                        .filter(flag -> !flag.startsWith("-javaagent") && !flag.startsWith("-Xmx"))
                        .toList());
        String classPath =
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"));
        command.addAll(List.of("-Xmx256m", "-cp", classPath, CublasLtCallsProgram.class.getName()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LD_LIBRARY_PATH", folder.toString());
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output.lines().toList();
    }

    @Test
    void productsOfE4m3NameTypesLayoutsAndScales() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(COMPILER), "there is no C compiler at " + COMPILER);
        for (String empty : List.of("libcuda.so.1", "libcudart.so.13", "libcublas.so.13")) {
            compile("int empty;", empty);
        }
        try (InputStream source = CublasLtCallsTest.class.getResourceAsStream("cublaslt.c")) {
            String text = new String(source.readAllBytes(), StandardCharsets.UTF_8);
            compile(text, "libcublasLt.so.13");
        }
        List<String> said = said();
        // Operation 1 on layouts 2 (A: weights, turned), 3 (B: rows) and 4 (results).
        String operation = "operation 1: ";
        assertThat(said)
                .containsSubsequence(
                        operation
                                + "compute "
                                + cublas.CUBLAS_COMPUTE_32F
                                + ", scale "
                                + cudart.CUDA_R_32F,
                        operation
                                + attribute(
                                        cublas.CUBLASLT_MATMUL_DESC_TRANSA, 4, cublas.CUBLAS_OP_T),
                        "layout 2: type " + cudart.CUDA_R_8F_E4M3 + ", 96 x 64, leading 96",
                        "layout 3: type " + cudart.CUDA_R_8F_E4M3 + ", 96 x 33, leading 96",
                        "layout 4: type " + cudart.CUDA_R_16BF + ", 64 x 33, leading 128",
                        operation
                                + attribute(cublas.CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, 8, 0x130),
                        operation
                                + attribute(cublas.CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, 8, 0x110),
                        operation + attribute(cublas.CUBLASLT_MATMUL_DESC_FAST_ACCUM, 1, 0),
                        "ask: operation 1, layouts 2 3 4 4, preference 5",
                        multiplies(1, 0.5, 0x20000, 2, 0x10000, 3, 1, 0x30000, 4),
                        multiplies(1, 2, 0x20100, 2, 0x10100, 3, 1, 0x30100, 4),
                        "layout 7: type " + cudart.CUDA_R_16BF + ", 96 x 64, leading 96",
                        multiplies(6, 1, 0x20000, 7, 0x10000, 8, 0, 0x30000, 9));
        assertThat(said).filteredOn(line -> line.startsWith("ask:")).hasSize(2);
        assertThat(said)
                .filteredOn(line -> line.startsWith("operation 6: attribute"))
                .containsExactly(
                        "operation 6: "
                                + attribute(
                                        cublas.CUBLASLT_MATMUL_DESC_TRANSA, 4, cublas.CUBLAS_OP_T));
    }

    private static String attribute(int attribute, int bytes, long value) {
        return "attribute " + attribute + " of " + bytes + " bytes is " + value;
    }

    private static String multiplies(
            int operation, double alpha, int a, int as, int b, int bs, int beta, int d, int ds) {
        String y = "0x" + Integer.toHexString(d) + " (" + ds + ")";
        return String.format(
                "multiply: operation %d, %s * 0x%x (%d) * 0x%x (%d) + %d * %s to %s, workspace"
                        + " 0x1000 of 4096, stream 0x57",
                operation,
                alpha == 0.5 ? "0.5" : String.valueOf((int) alpha),
                a,
                as,
                b,
                bs,
                beta,
                y,
                y);
    }
}
