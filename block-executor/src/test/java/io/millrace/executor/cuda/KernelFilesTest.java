package io.millrace.executor.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernel files as the toolkit's compiler sees them. */
class KernelFilesTest {
    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"sm_80", "sm_90"})
    void compileAheadOfTimeWithoutWarnings(String architecture) throws Exception {
        Optional<Path> nvcc = find("nvcc");
        assumeTrue(
                nvcc.isPresent(),
                "nvcc is neither on PATH nor in /usr/local/cuda/bin: kernel files were not compiled");
        KernelSources.all().forEach(this::write);
        List<String> command = new ArrayList<>(List.of(nvcc.get().toString(), "-cubin"));
        command.add("-arch=" + architecture);
        command.addAll(KernelSources.OPTIONS);
        command.addAll(List.of("-Werror", "all-warnings", "-Wno-deprecated-gpu-targets"));
        command.addAll(List.of("-Xptxas", "-warn-spills,-warn-lmem-usage"));
        command.addAll(List.of("-o", "kernels.cubin", KernelSources.MAIN));
        Process process =
                new ProcessBuilder(command)
                        .directory(temp.toFile())
                        .redirectErrorStream(true)
                        .start();
        String said =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        assertThat(said).isEmpty();
        assertThat(process.exitValue()).isZero();
        assertThat(temp.resolve("kernels.cubin")).isNotEmptyFile();
    }

    private void write(String name, String text) {
        try {
            Files.writeString(temp.resolve(name), text);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static Optional<Path> find(String tool) {
        Stream<Path> onPath =
                Stream.of(System.getenv("PATH").split(File.pathSeparator)).map(Path::of);
        return Stream.concat(onPath, Stream.of(Path.of("/usr/local/cuda/bin")))
                .map(folder -> folder.resolve(tool))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
