package io.millrace.memory.nvme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.nvme.io.IoOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each refusal of the system is a step down that is named. */
final class FallbackTest {
    @TempDir Path folder;

    /** Prints what runs in a folder. */
    static final class Probe {
        private Probe() {}

        public static void main(String[] arguments) {
            IoOptions options =
                    IoOptions.defaults().withEngine(IoOptions.Engine.valueOf(arguments[1]));
            try (FileIo io = FileIo.open(Path.of(arguments[0]), options)) {
                System.out.println("runs: " + io.path().describe());
            }
        }
    }

    @Test
    void namesWhyIoUringDoesNotRun() throws Exception {
        String said = probe("AUTO");
        assertThat(said).contains("runs: pread/pwrite", "io_uring refused", "explicit disabled");
    }

    @Test
    void failsWhereIoUringWasDemanded() throws Exception {
        assertThat(probe("IO_URING")).contains("UnsupportedOperationException", "explicit");
    }

    private String probe(String engine) throws IOException, InterruptedException {
        Process child =
                new ProcessBuilder(
                                ChildJvm.command(
                                        List.of("-Dio.netty.transport.noNative=true"),
                                        Probe.class,
                                        folder.toString(),
                                        engine))
                        .redirectErrorStream(true)
                        .start();
        String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        child.waitFor();
        return said;
    }

    @Test
    void namesAFileSystemWithoutDirectAccess() {
        Path noDirect = Path.of("/proc/self"); // a file system that refuses O_DIRECT everywhere
        assumeTrue(Files.isDirectory(noDirect));
        try (FileIo io = FileIo.open(noDirect, IoOptions.defaults());
                IoFile file = io.open(noDirect.resolve("status"), false)) {
            assertThat(file.alignment()).isEqualTo(1);
            assertThat(io.path().direct()).isFalse();
            assertThat(io.path().describe()).contains("O_DIRECT refused", "status", "EINVAL");
        }
    }

    @Test
    void readOnlyFoldersAreInputThatAPersonCanMend() {
        assertThatThrownBy(
                        () -> {
                            try (FileIo io = FileIo.open(folder, IoOptions.defaults())) {
                                io.open(folder.resolve("a/b"), true);
                            }
                        })
                .hasMessageContainingAll("a/b", "no such file");
    }
}
