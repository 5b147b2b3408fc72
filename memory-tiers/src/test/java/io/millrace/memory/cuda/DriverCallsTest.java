package io.millrace.memory.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The real calls, through the presets' native code, against a driver written in C that does what is
 * asked on host memory: handles, argument order and packed parameters are the ones of a card.
 */
@Timeout(120)
final class DriverCallsTest {
    @TempDir private Path folder;

    @BeforeEach
    void needsCompiler() throws Exception {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/cc")),
                "there is no C compiler at /usr/bin/cc");
    }

    private void compile(String source, String library) throws Exception {
        Path file = Files.writeString(folder.resolve(library + ".c"), source);
        List<String> command =
                List.of(
                        "/usr/bin/cc",
                        "-shared",
                        "-fPIC",
                        "-O1",
                        "-w",
                        "-Wl,-soname," + library,
                        "-o",
                        folder.resolve(library).toString(),
                        file.toString());
        assertThat(run(new ProcessBuilder(command))).isEmpty();
    }

    private static String run(ProcessBuilder builder) throws IOException, InterruptedException {
        Process process = builder.redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }

    private String child(String mode) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElseThrow());
        command.addAll(
                ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                        .filter(flag -> !flag.startsWith("-javaagent") && !flag.startsWith("-Xmx"))
                        .toList());
        String classPath =
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"));
        command.addAll(
                List.of("-Xmx256m", "-cp", classPath, DriverCallsProgram.class.getName(), mode));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("LD_LIBRARY_PATH", folder.toString());
        return run(builder);
    }

    private void compileResource(String name, String library) throws Exception {
        try (InputStream source = DriverCallsTest.class.getResourceAsStream(name)) {
            compile(new String(source.readAllBytes(), StandardCharsets.UTF_8), library);
        }
    }

    private void compileDriver() throws Exception {
        compileResource("/cuda/driver.c", "libcuda.so.1");
        compile("int empty;", "libcudart.so.13");
    }

    @Test
    void everyCallReachesTheDriverAsItWasMeant() throws Exception {
        compileDriver();
        assertThat(child("work")).contains("all calls were right");
    }

    @Test
    void nvmlTellsOfTheCardAtTheDriversAddress() throws Exception {
        compileDriver();
        compileResource("/cuda/nvml.c", "libnvidia-ml.so.1");
        assertThat(child("facts"))
                .contains(
                        "Test Board 80GB, 1.00GiB, compute capability 8.6, 16 multiprocessors,"
                                + " driver for CUDA 13.1, driver 590.12.34, 768.00MiB free,"
                                + " PCIe 3 x8 of PCIe 4 x16, 1410 MHz of 1980")
                .contains("[DRIVER_HEAT, CARD_HEAT]");
    }

    @Test
    void withoutNvmlTheDriversOwnFactsStandAndItIsSaid() throws Exception {
        compileDriver();
        assertThat(child("facts"))
                .contains("Test card, 1.00GiB, compute capability 8.6")
                .contains("nothing from NVML (libnvidia-ml.so.1 cannot be loaded)");
    }

    @Test
    void anNvmlThatDoesNotKnowTheCardIsQuoted() throws Exception {
        compileDriver();
        compile(
                "int nvmlInit_v2() { return 0; } int nvmlShutdown() { return 0; }"
                        + " const char *nvmlErrorString(int c) { return \"Not Found\"; }"
                        + " int nvmlDeviceGetHandleByPciBusId_v2(void *b, void *d) { return 6; }",
                "libnvidia-ml.so.1");
        assertThat(child("facts"))
                .contains("Test card, 1.00GiB")
                .contains("(00000032:21:22.0) failed with 6: Not Found");
    }

    @Test
    void anOldDriverIsNamedWithTheOneThatIsNeeded() throws Exception {
        compile(
                "int cuInit(unsigned f) { return 0; }"
                        + " int cuDriverGetVersion(int *v) { *v = 12040; return 0; }",
                "libcuda.so.1");
        compile("int empty;", "libcudart.so.13");
        assertThat(child("open")).contains("CUDA 12.4").contains("580");
    }

    @Test
    void aDriverThatDoesNotStartSaysItsOwnWord() throws Exception {
        compile(
                "int cuInit(unsigned f) { return 803; }"
                        + " int cuGetErrorName(int c, char **n) { *n = \"MISMATCH\"; return 0; }"
                        + " int cuGetErrorString(int c, char **t) { *t = \"why\"; return 0; }",
                "libcuda.so.1");
        compile("int empty;", "libcudart.so.13");
        assertThat(child("open")).contains("cuInit(0) failed with 803: MISMATCH, why");
    }
}
