package io.millrace.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.StateSlot;
import io.millrace.model.file.WeightFile;
import io.millrace.model.file.WeightFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** States of an update rule beside the weights of a checkpoint, and nowhere else. */
class StateFileTest {
    private static final List<StateSlot.Kind> KINDS =
            List.of(new StateSlot.Kind("m", DType.F32), new StateSlot.Kind("h", DType.BF16));

    @TempDir Path folder;

    /** A checkpoint whose states are numbers of their own. */
    private static void save(Checkpoint base, ModelLayout layout, Path out) {
        try (CheckpointWriter writer = CheckpointWriter.createWithStates(base, layout, out);
                Arena arena = Arena.ofConfined()) {
            for (BlockLayout block : layout.blocks()) {
                writer.writeBlock(block.index(), filled(base, block, arena));
            }
            writer.commit();
        }
    }

    private static MemorySegment filled(Checkpoint base, BlockLayout block, Arena arena) {
        MemorySegment bytes = arena.allocate(block.sizeBytes());
        bytes.fill((byte) 0xEE);
        base.readBlock(block, bytes);
        assertThat(bytes.asSlice(block.weightBytes()).toArray(ValueLayout.JAVA_BYTE))
                .isEqualTo(new byte[Math.toIntExact(block.stateBytes())]);
        SplittableRandom random = new SplittableRandom(block.index());
        for (StateSlot slot : block.states()) {
            for (long i = 0; i < slot.sizeBytes(); i++) {
                byte value = (byte) random.nextInt(64);
                bytes.set(ValueLayout.JAVA_BYTE, slot.offsetBytes() + i, value);
            }
        }
        return bytes;
    }

    @Test
    void statesComeBackWithTheirWeights() {
        for (Path source : List.of(TestModels.SHARDED, TestModels.GPT2)) {
            Path out = folder.resolve(source.getFileName());
            try (Checkpoint base = Checkpoint.open(source);
                    Arena arena = Arena.ofConfined()) {
                ModelLayout layout = base.layout().withStates(KINDS);
                save(base, layout, out);
                try (Checkpoint saved = Checkpoint.open(out);
                        StateFile states = StateFile.open(out, layout)) {
                    assertThat(saved.scan()).isEqualTo(base.scan());
                    for (BlockLayout block : layout.blocks()) {
                        MemorySegment bytes = arena.allocate(block.sizeBytes());
                        saved.readBlock(block, bytes);
                        states.readBlock(block, bytes, () -> {});
                        assertThat(bytes.mismatch(filled(base, block, arena))).isEqualTo(-1);
                    }
                }
            }
        }
    }

    @Test
    void aModelHasNone() {
        Path out = folder.resolve("out");
        try (Checkpoint base = Checkpoint.open(TestModels.SHARDED);
                Arena arena = Arena.ofConfined()) {
            ModelLayout layout = base.layout().withStates(KINDS);
            try (CheckpointWriter writer = CheckpointWriter.create(base, layout, out)) {
                for (BlockLayout block : layout.blocks()) {
                    writer.writeBlock(block.index(), filled(base, block, arena));
                }
                writer.commit();
            }
            assertThat(out.resolve(StateFile.NAME)).doesNotExist();
            assertThat(out.resolve(WeightFiles.INDEX))
                    .hasSameBinaryContentAs(TestModels.SHARDED.resolve(WeightFiles.INDEX));

            Path plain = folder.resolve("plain");
            save(base, base.layout(), plain);
            assertThat(plain.resolve(StateFile.NAME)).doesNotExist();
        }
    }

    @Test
    void aFileThatDoesNotFitIsRefused() throws IOException {
        Path out = folder.resolve("out");
        try (Checkpoint base = Checkpoint.open(TestModels.GPT2)) {
            ModelLayout layout = base.layout().withStates(KINDS);
            save(base, layout, out);
            List<StateSlot.Kind> other = List.of(new StateSlot.Kind("v", DType.F32));
            refused(out, base.layout().withStates(other), "has no state '");
            List<StateSlot.Kind> narrow = List.of(new StateSlot.Kind("m", DType.BF16));
            refused(out, base.layout().withStates(narrow), ".m' as F32[");

            Path file = out.resolve(StateFile.NAME);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(Files.size(file) - 1);
            }
            refused(out, layout, StateFile.NAME);
            Files.delete(file);
            refused(out, layout, "lacks " + StateFile.NAME);
        }
    }

    private static void refused(Path out, ModelLayout layout, String fault) {
        assertThatThrownBy(() -> StateFile.open(out, layout).close())
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll(out.toString(), fault);
    }

    @Test
    void aWeightFileOfItsNameIsToBeRenamed() throws IOException {
        Path source = TestModels.copy(TestModels.SHARDED, folder.resolve("model"));
        String shard;
        try (Checkpoint base = Checkpoint.open(source)) {
            StateFile.requireNameIsFree(base);
            WeightFile first = base.weights().files().getFirst();
            shard = first.path().getFileName().toString();
        }
        Files.move(source.resolve(shard), source.resolve(StateFile.NAME));
        TestModels.replace(source.resolve(WeightFiles.INDEX), shard, StateFile.NAME);
        try (Checkpoint base = Checkpoint.open(source)) {
            assertThatThrownBy(() -> StateFile.requireNameIsFree(base))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContainingAll(StateFile.NAME, "rename the file");
        }
    }
}
