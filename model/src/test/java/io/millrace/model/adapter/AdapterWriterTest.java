package io.millrace.model.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TierFullException;
import io.millrace.memory.file.Disk;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.file.FaultyDisk;
import io.millrace.memory.file.PowerLoss;
import io.millrace.memory.file.RecordingDisk;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** An adapter's folder is whole under its name, or not there, whatever fails on the way. */
@ExtendWith(SeedExtension.class)
class AdapterWriterTest {
    private static final int ROWS = 5000; // more than are transposed at once
    private static final int COLUMNS = 3;
    private static final int RANK = 17;
    private static final LoraPart LINEAR = part("head", LoraTarget.Kind.LINEAR);
    private static final LoraPart TABLE = part("table", LoraTarget.Kind.TABLE);
    private static final LoraConfig CONFIG =
            new LoraConfig("base", List.of(LINEAR, TABLE), List.of("head", "table"));

    @TempDir Path temp;
    private Path work;

    private static LoraPart part(String module, LoraTarget.Kind kind) {
        return new LoraPart(new LoraTarget(module + ".weight", module, kind), ROWS, COLUMNS, RANK);
    }

    @BeforeEach
    void makeFolder() throws IOException {
        work = Files.createDirectory(temp.resolve("work"));
    }

    private static float value(long row, int column) {
        return row * RANK + column;
    }

    private static TallMatrix factor(Arena arena, int rows, int sign) {
        TallMatrix factor =
                new TallMatrix(
                        arena.allocate((long) rows * RANK * Float.BYTES, Float.BYTES), rows, RANK);
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < RANK; column++) {
                factor.set(row, column, sign * value(row, column));
            }
        }
        return factor;
    }

    private static void save(Disk disk, Path folder) {
        try (Arena arena = Arena.ofConfined();
                AdapterWriter writer =
                        AdapterWriter.create(
                                new DurableFiles(disk), folder, CONFIG, Map.of("note", "n"))) {
            LowRankProduct change =
                    new LowRankProduct(factor(arena, ROWS, 1), factor(arena, COLUMNS, -1));
            writer.write(LINEAR, change);
            writer.write(TABLE, change);
            writer.commit();
        }
    }

    private static void assertWhole(Path folder) throws IOException {
        assertThat(Json.parseObject(Files.readString(folder.resolve(AdapterWriter.CONFIG))))
                .satisfies(config -> {
                    assertThat(config.string("peft_type")).isEqualTo("LORA");
                    assertThat(config.integer("r")).isEqualTo(RANK);
                    assertThat(config.integer("lora_alpha")).isEqualTo(RANK);
                });
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(AdapterWriter.WEIGHTS))) {
            assertThat(file.metadata()).containsEntry("format", "pt").containsEntry("note", "n");
            assertFactor(file, "head.lora_B.weight", false, ROWS, 1);
            assertFactor(file, "head.lora_A.weight", true, COLUMNS, -1);
            assertFactor(file, "table.lora_embedding_A", true, ROWS, 1);
            assertFactor(file, "table.lora_embedding_B", false, COLUMNS, -1);
            assertThat(file.tensors()).hasSize(4);
        }
        assertThat(folder).isDirectoryNotContaining(DurableFiles::isPart);
    }

    private static void assertFactor(
            SafetensorsFile file, String name, boolean transposed, int rows, int sign) {
        String whole = "base_model.model." + name;
        assertThat(file.tensor(whole).shape())
                .as(name)
                .isEqualTo(
                        transposed
                                ? List.of((long) RANK, (long) rows)
                                : List.of((long) rows, (long) RANK));
        float[] expected = new float[rows * RANK];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < RANK; column++) {
                expected[transposed ? column * rows + row : row * RANK + column] =
                        sign * value(row, column);
            }
        }
        assertThat(file.readFloats(whole)).as(name).isEqualTo(expected);
    }

    @Test
    void aLossOfPowerLeavesAWholeFolderOrNone(@Seed long seed) throws IOException {
        RecordingDisk disk = new RecordingDisk(work);
        save(disk, work.resolve("adapter"));
        disk.mark("saved");
        Path before = Files.createDirectory(temp.resolve("before"));
        PowerLoss power = new PowerLoss(before, disk.operations());
        Path image = temp.resolve("image");
        Path folder = image.resolve("adapter");
        int step = Math.max(1, power.length() / 40);
        for (int cut = power.length(); cut >= 0; cut -= cut > power.length() - 16 ? 1 : step) {
            power.kill(cut, image);
            check(folder, power.lastMark(cut, String.class, "").equals("saved"));
            power.cut(cut, seed + cut, image);
            check(folder, power.lastMark(cut, String.class, "").equals("saved"));
        }
    }

    private static void check(Path folder, boolean saved) throws IOException {
        if (saved || Files.exists(folder)) {
            assertWhole(folder);
        } else {
            save(new RecordingDisk(folder.getParent()), folder);
            assertWhole(folder);
            assertThat(DurableFiles.part(folder)).doesNotExist();
        }
    }

    @Test
    void whateverFailsLeavesNoFolderUnderTheName() throws IOException {
        for (FaultyDisk.Fault fault : FaultyDisk.Fault.values()) {
            int faults = 0;
            while (true) {
                Path folder = work.resolve(fault + "-" + faults);
                FaultyDisk disk = new FaultyDisk(fault, faults);
                Throwable failure = catchThrowable(() -> save(disk, folder));
                if (failure == null) {
                    assertWhole(folder);
                    break;
                }
                assertThat(failure)
                        .isInstanceOfAny(TierFullException.class, UncheckedIOException.class);
                if (Files.exists(folder)) {
                    assertWhole(folder); // it was the last sync that failed
                } else {
                    save(Disk.system(), folder);
                    assertWhole(folder);
                }
                faults += faults > 8 && fault != FaultyDisk.Fault.SYNC ? 7 : 1;
            }
            assertThat(faults).as(fault.toString()).isGreaterThan(4);
        }
    }

    @Test
    void anEmptyFolderIsTakenAndAnyOtherRefused() throws IOException {
        Path folder = Files.createDirectory(work.resolve("adapter"));
        save(Disk.system(), folder);
        assertWhole(folder);
        assertThatThrownBy(() -> save(Disk.system(), folder))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("is not empty");
        Path file = Files.writeString(work.resolve("file"), "");
        assertThatThrownBy(() -> save(Disk.system(), file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("is not a folder");
        Path other = work.resolve("other.part");
        Files.writeString(Files.createDirectory(other).resolve("mine"), "");
        assertThatThrownBy(() -> save(Disk.system(), work.resolve("other")))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("no adapter's");
        assertThat(other.resolve("mine")).exists();
    }
}
