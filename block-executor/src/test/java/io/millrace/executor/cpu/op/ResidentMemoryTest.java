package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Libraries allocate whatever is resident beside a small heap; their own bound is 4 heaps. */
@Timeout(120)
final class ResidentMemoryTest {
    @ParameterizedTest
    @ValueSource(strings = {"cpu", "cuda"})
    void presetsAllocateBesideMuchMemory(String device) throws Exception {
        // Without our flags: as in a program that embeds the jars.
        List<String> command =
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xmx32m",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty(
                                "surefire.test.class.path", System.getProperty("java.class.path")),
                        ResidentMemoryProgram.class.getName(),
                        device);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
        assertThat(output).isEqualTo("allocated 16\n");
    }
}
