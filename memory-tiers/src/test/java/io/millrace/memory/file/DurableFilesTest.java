package io.millrace.memory.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TierFullException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Also the test of what cuts the power: it must find what was done carelessly. */
@ExtendWith(SeedExtension.class)
final class DurableFilesTest {
    private static final byte[] OLD = "the old content".getBytes(StandardCharsets.UTF_8);
    private static final byte[] NEW =
            "what is new, and longer than the old content".getBytes(StandardCharsets.UTF_8);

    @TempDir Path temp;
    private Path before;
    private Path work;
    private Path image;

    @BeforeEach
    void makeFolders() throws IOException {
        before = Files.createDirectory(temp.resolve("before"));
        work = Files.createDirectory(temp.resolve("work"));
        image = temp.resolve("image");
    }

    @Test
    void aReplacedFileIsOldOrNew(@Seed long seed) throws IOException {
        Files.write(before.resolve("file"), OLD);
        Files.write(work.resolve("file"), OLD);
        RecordingDisk disk = new RecordingDisk(work);
        new DurableFiles(disk).replace(work.resolve("file"), NEW);
        PowerLoss power = new PowerLoss(before, disk.operations());
        for (int cut = 0; cut <= power.length(); cut++) {
            for (int variant = 0; variant < 20; variant++) {
                power.cut(cut, seed + variant, image);
                assertThat(Files.readAllBytes(image.resolve("file"))).isIn(OLD, NEW);
            }
        }
        power.cut(power.length(), seed, image);
        assertThat(image.resolve("file")).hasBinaryContent(NEW);
        assertThat(DurableFiles.part(work.resolve("file"))).doesNotExist();
    }

    /** Workers of one run make their folders beside each other at once. */
    @Test
    void foldersThatAnotherMakesMeanwhileAreAsGood() throws IOException {
        DurableFiles files =
                new DurableFiles(
                        new RecordingDisk(work) {
                            @Override
                            public void createFolder(Path folder) throws IOException {
                                Files.createDirectory(folder);
                                super.createFolder(folder);
                            }
                        });
        files.createFolders(work.resolve("a/b"));
        assertThat(work.resolve("a/b")).isDirectory();
    }

    @Test
    void madeFoldersAreThereForGood(@Seed long seed) throws IOException {
        RecordingDisk disk = new RecordingDisk(work);
        DurableFiles files = new DurableFiles(disk);
        files.createFolders(work.resolve("a/b/c"));
        files.createFolders(work.resolve("a/b/c"));
        files.replace(work.resolve("a/b/c/file"), NEW);
        PowerLoss power = new PowerLoss(before, disk.operations());
        for (int variant = 0; variant < 20; variant++) {
            power.cut(power.length(), seed + variant, image);
            assertThat(image.resolve("a/b/c/file")).hasBinaryContent(NEW);
        }
    }

    @Test
    void aMarkedFolderIsWholeAsLongAsItsMarkIsThere(@Seed long seed) throws IOException {
        for (Path root : new Path[] {before, work}) {
            Files.createDirectories(root.resolve("folder/below"));
            Files.write(root.resolve("folder/below/file"), OLD);
            Files.write(root.resolve("folder/mark"), NEW);
        }
        RecordingDisk disk = new RecordingDisk(work);
        new DurableFiles(disk).deleteMarked(work.resolve("folder"), "mark");
        assertThat(work).isEmptyDirectory();
        PowerLoss power = new PowerLoss(before, disk.operations());
        for (int cut = 0; cut <= power.length(); cut++) {
            for (int variant = 0; variant < 20; variant++) {
                power.cut(cut, seed + variant, image);
                if (Files.exists(image.resolve("folder/mark"))) {
                    assertThat(image.resolve("folder/below/file")).hasBinaryContent(OLD);
                }
            }
        }
    }

    @Test
    void carelessWritesAreLost(@Seed long seed) throws IOException {
        RecordingDisk disk = new RecordingDisk(work);
        DurableFiles files = new DurableFiles(disk);
        try (DiskFile file = disk.create(DurableFiles.part(work.resolve("unforced")))) {
            file.write(ByteBuffer.wrap(NEW), 0);
        }
        files.publish(work.resolve("unforced"));
        disk.syncFolder(work);
        files.writePart(work.resolve("unsynced"), NEW);
        files.publish(work.resolve("unsynced"));
        PowerLoss power = new PowerLoss(before, disk.operations());
        boolean bytesLost = false;
        boolean nameLost = false;
        for (int variant = 0; variant < 100; variant++) {
            power.cut(power.length(), seed + variant, image);
            bytesLost |= Files.size(image.resolve("unforced")) < NEW.length;
            nameLost |= !Files.exists(image.resolve("unsynced"));
        }
        assertThat(bytesLost).isTrue();
        assertThat(nameLost).isTrue();
        power.kill(power.length(), image);
        assertThat(image.resolve("unforced")).hasBinaryContent(NEW);
        assertThat(image.resolve("unsynced")).hasBinaryContent(NEW);
    }

    @Test
    void aFaultIsOneErrorAndLeavesWhatWasThere() throws IOException {
        Path file = Files.write(work.resolve("file"), OLD);
        for (int at = 0; at < 2; at++) {
            DurableFiles full = new DurableFiles(new FaultyDisk(FaultyDisk.Fault.FULL, at));
            assertThatThrownBy(() -> full.replace(file, NEW))
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContaining(file + ".part: the disk is full");
            assertThat(file).hasBinaryContent(OLD);
            assertThat(DurableFiles.part(file)).doesNotExist();
        }
        DurableFiles unsynced = new DurableFiles(new FaultyDisk(FaultyDisk.Fault.SYNC, 0));
        assertThatThrownBy(() -> unsynced.replace(file, NEW))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("writing " + file);
        assertThat(file).hasBinaryContent(OLD);
    }
}
