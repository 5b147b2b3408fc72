package io.millrace.memory.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.nvme.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class FolderLockTest {
    private static final String NAME = "lock";

    @TempDir Path folder;

    @Test
    void hasOneOwnerInThisProcess() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), folder);
        FolderLock first = take().orElseThrow();
        assertThat(take()).isEmpty();
        assertThat(FolderLock.tryTake(link, NAME)).isEmpty();
        first.close();
        FolderLock second = take().orElseThrow();
        first.close(); // which is no longer its to free
        assertThat(take()).isEmpty();
        assertThat(folder.resolve(NAME)).exists();
        second.close();
        assertThat(folder.resolve(NAME)).doesNotExist();
    }

    @Test
    void ofTwoNamesInAFolderEachHasAnOwner() throws IOException {
        try (FolderLock one = take().orElseThrow();
                FolderLock other = FolderLock.tryTake(folder, "other").orElseThrow()) {
            assertThat(other).isNotSameAs(one);
        }
    }

    @Test
    void isNotTakenFromOtherCodeOfThisProcess() throws IOException {
        try (FileChannel other =
                FileChannel.open(
                        folder.resolve(NAME),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE)) {
            other.lock();
            assertThat(take()).isEmpty();
        }
        take().orElseThrow().close();
    }

    @Test
    void whatADeadOwnerLeftIsFreeToTake() throws IOException {
        Files.writeString(folder.resolve(NAME), "of any length");
        take().orElseThrow().close();
        assertThat(folder.resolve(NAME)).doesNotExist();
    }

    @Test
    void aFolderThatCannotBeLockedIsAnErrorAndNotAnOwner() {
        assertThatThrownBy(() -> FolderLock.tryTake(folder.resolve("none"), NAME))
                .isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> FolderLock.tryTake(folder, "no/such/folder"))
                .isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void hasOneOwnerAmongProcesses() throws Exception {
        try (Other other = new Other(folder)) {
            FolderLock mine = take().orElseThrow();
            assertThat(take()).isEmpty(); // and that costs the first one nothing:
            assertThat(other.ask("take")).isEqualTo("busy");
            mine.close();
            assertThat(other.ask("take")).isEqualTo("held");
            assertThat(take()).isEmpty();

            // Another takes the folder while this one has opened the file and not locked it.
            Optional<FolderLock> late =
                    FolderLock.tryTake(
                            folder,
                            NAME,
                            () -> {
                                if (other.asked == 2) {
                                    assertThat(other.ask("free")).isEqualTo("freed");
                                    assertThat(other.ask("take")).isEqualTo("held");
                                }
                            });
            assertThat(late).isEmpty();
            assertThat(other.asked).isEqualTo(4);

            assertThat(other.ask("free")).isEqualTo("freed");
            take().orElseThrow().close();
        }
    }

    private Optional<FolderLock> take() throws IOException {
        return FolderLock.tryTake(folder, NAME);
    }

    /** Another process. */
    private static final class Other implements AutoCloseable {
        private final Process process;
        private final Writer in;
        private final BufferedReader out;
        private int asked;

        Other(Path folder) throws IOException {
            process =
                    new ProcessBuilder(
                                    ChildJvm.command(
                                            List.of(), LockProgram.class, folder.toString()))
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
            in = process.outputWriter();
            out = process.inputReader();
        }

        String ask(String what) {
            asked++;
            try {
                in.write(what + "\n");
                in.flush();
                return out.readLine();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }
}
