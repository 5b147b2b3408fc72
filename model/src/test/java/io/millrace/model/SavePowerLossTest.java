package io.millrace.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TierFullException;
import io.millrace.memory.file.Disk;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.file.FaultyDisk;
import io.millrace.memory.file.PowerLoss;
import io.millrace.memory.file.RecordingDisk;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.WeightFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * Loses power between any two operations of a save. A folder is then the old model, the new one, or
 * visibly none.
 */
@ExtendWith(SeedExtension.class)
final class SavePowerLossTest {
    private static final int VARIANTS = Integer.getInteger("test.variants", 4);
    private static final List<String> SHARDS = List.of("first.safetensors", "second.safetensors");
    private static final String CONFIG = "config.json";
    private static final String OLD = "old";
    private static final String NEW = "new";

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

    /** Two shards, an index and a configuration; every file says whose it is. */
    private static void save(Disk disk, Path folder, String text) {
        List<ModelFolderWriter.Shard> shards =
                SHARDS.stream()
                        .map(name ->
                                new ModelFolderWriter.Shard(name, Map.of(), List.of(one(name))))
                        .toList();
        byte[] content = text.getBytes(StandardCharsets.UTF_8);
        Map<String, byte[]> side = new LinkedHashMap<>();
        side.put(CONFIG, content);
        side.put(WeightFiles.INDEX, content);
        side.put("tokenizer.json", content);
        try (ModelFolderWriter writer =
                ModelFolderWriter.create(new DurableFiles(disk), folder, shards, side)) {
            for (String name : SHARDS) {
                writer.write(name, 0, MemorySegment.ofArray(content));
            }
            writer.commit();
        }
    }

    private static SafetensorsWriter.Entry one(String name) {
        return new SafetensorsWriter.Entry(name, DType.U8, List.of(3L));
    }

    /** Whose model a folder holds, if any program would take it for one. */
    private static Set<String> models(Path folder) throws IOException {
        if (!Files.exists(folder.resolve(CONFIG))) {
            return Set.of();
        }
        Set<String> models = new HashSet<>();
        for (String name : List.of(CONFIG, WeightFiles.INDEX, "tokenizer.json")) {
            models.add(Files.readString(folder.resolve(name)));
        }
        for (String name : SHARDS) {
            try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(name))) {
                byte[] content = new byte[3];
                file.read(file.tensors().get(name), 0, MemorySegment.ofArray(content));
                models.add(new String(content, StandardCharsets.UTF_8));
            }
        }
        return models;
    }

    private PowerLoss recordSave() {
        RecordingDisk disk = new RecordingDisk(work);
        save(disk, work.resolve("model"), NEW);
        disk.mark(NEW);
        return new PowerLoss(before, disk.operations());
    }

    @Test
    void aFirstSaveIsWholeOrNoModel(@Seed long seed) throws IOException {
        everyCutIsOneModel(recordSave(), seed);
    }

    @Test
    void aSaveOverAnotherIsOldOrNewOrNoModel(@Seed long seed) throws IOException {
        save(Disk.system(), before.resolve("model"), OLD);
        save(Disk.system(), work.resolve("model"), OLD);
        everyCutIsOneModel(recordSave(), seed);
    }

    private void everyCutIsOneModel(PowerLoss power, long seed) throws IOException {
        for (int cut = 0; cut <= power.length(); cut++) {
            boolean saved = power.lastMark(cut, String.class, "").equals(NEW);
            power.kill(cut, image);
            check(saved);
            for (int variant = 0; variant < VARIANTS; variant++) {
                power.cut(cut, seed + variant, image);
                check(saved);
            }
        }
    }

    private void check(boolean saved) throws IOException {
        Path model = image.resolve("model");
        if (saved) {
            assertThat(models(model)).containsExactly(NEW);
        } else {
            assertThat(models(model)).hasSizeLessThan(2);
        }
        save(new RecordingDisk(image), model, NEW); // which is what a resumed run does
        assertThat(models(model)).containsExactly(NEW);
        assertThat(TestModels.list(model)).noneMatch(DurableFiles::isPart);
    }

    @Test
    void whatASaveLeftUnfinishedIsNamed() throws IOException {
        RecordingDisk disk = new RecordingDisk(work);
        save(disk, work.resolve("model"), NEW);
        PowerLoss power = new PowerLoss(before, disk.operations());
        power.kill(power.length() - 2, image); // all but the last name
        Path config = image.resolve("model").resolve(CONFIG);
        assertThatThrownBy(() -> ModelConfig.read(config))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("was being saved when its run ended; ");
    }

    @Test
    void aFullDiskLeavesTheOldModel() throws IOException {
        Path model = work.resolve("model");
        save(Disk.system(), model, OLD);
        int faults = 0;
        while (true) {
            FaultyDisk disk = new FaultyDisk(FaultyDisk.Fault.FULL, faults);
            Throwable failure = catchThrowable(() -> save(disk, model, NEW));
            if (failure == null) {
                break;
            }
            assertThat(failure)
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContaining("the disk is full; free some space there");
            assertThat(models(model)).containsExactly(OLD);
            assertThat(TestModels.list(model)).noneMatch(DurableFiles::isPart);
            faults++;
        }
        assertThat(faults).isEqualTo(12); // six files are made, and written; the headers too
        assertThat(models(model)).containsExactly(NEW);
    }

    @Test
    void aFailedSyncLeavesOneModelOrNone() throws IOException {
        Path model = work.resolve("model");
        save(Disk.system(), model, OLD);
        int faults = 0;
        while (true) {
            FaultyDisk disk = new FaultyDisk(FaultyDisk.Fault.SYNC, faults);
            Throwable failure = catchThrowable(() -> save(disk, model, NEW));
            if (failure == null) {
                break;
            }
            assertThat(failure)
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining(work.toString());
            assertThat(models(model)).hasSizeLessThan(2);
            faults++;
        }
        assertThat(faults).isEqualTo(10);
        assertThat(models(model)).containsExactly(NEW);
    }

    @Test
    void whateverFailsIsToldWithItsFileAndTheNextSaveIsWhole() throws IOException {
        for (FaultyDisk.Fault fault : FaultyDisk.Fault.values()) {
            int faults = 0;
            while (true) {
                Path model = temp.resolve(fault + "-" + faults);
                save(Disk.system(), model, OLD);
                FaultyDisk disk = new FaultyDisk(fault, faults);
                Throwable failure = catchThrowable(() -> save(disk, model, NEW));
                if (failure == null) {
                    break;
                }
                assertThat(failure)
                        .isInstanceOfAny(TierFullException.class, UncheckedIOException.class)
                        .hasMessageContaining(temp.toString());
                assertThat(models(model)).hasSizeLessThan(2);
                save(Disk.system(), model, NEW);
                assertThat(models(model)).containsExactly(NEW);
                assertThat(TestModels.list(model)).noneMatch(DurableFiles::isPart);
                faults++;
            }
            assertThat(faults).as(fault.toString()).isGreaterThan(4);
        }
    }
}
