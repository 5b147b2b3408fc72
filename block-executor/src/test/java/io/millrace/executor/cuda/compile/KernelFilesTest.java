package io.millrace.executor.cuda.compile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.cuda.kernel.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernel files as the toolkit's compiler sees them. */
@Tag("long")
class KernelFilesTest {
    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"sm_80", "sm_90"})
    void compileAheadOfTimeWithoutWarnings(String architecture) throws IOException {
        Optional<Path> nvcc = Tools.find("nvcc");
        assumeTrue(
                nvcc.isPresent(),
                "nvcc is neither on PATH nor in /usr/local/cuda/bin: kernel files were not compiled");
        for (Map.Entry<String, String> file : KernelSources.all().entrySet()) {
            Files.writeString(temp.resolve(file.getKey()), file.getValue());
        }
        List<String> command = new ArrayList<>(List.of(nvcc.get().toString(), "-cubin"));
        command.add("-arch=" + architecture);
        command.addAll(KernelSources.OPTIONS);
        command.addAll(List.of("-Werror", "all-warnings", "-Wno-deprecated-gpu-targets"));
        command.addAll(List.of("-Xptxas", "-warn-spills,-warn-lmem-usage"));
        command.addAll(List.of("-o", "kernels.cubin", KernelSources.MAIN));
        String said = Tools.run(temp, 2, TimeUnit.MINUTES, command.toArray(String[]::new));
        assertThat(said).isEmpty();
        assertThat(temp.resolve("kernels.cubin")).isNotEmptyFile();
    }
}
