package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.StateSlot;
import io.millrace.memory.file.Disk;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.file.PowerLoss;
import io.millrace.memory.file.RecordingDisk;
import io.millrace.memory.nvme.VerifiedSource;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.StateFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Loses power between any two operations of checkpoints whose rule keeps states. */
@ExtendWith(SeedExtension.class)
final class StatesPowerLossTest {
    private static final int VARIANTS = Integer.getInteger("test.variants", 2);
    private static final List<StateSlot.Kind> KINDS =
            List.of(new StateSlot.Kind("m", DType.F32), new StateSlot.Kind("h", DType.BF16));

    @TempDir Path temp;

    /** What was promised: the last whole checkpoint. */
    private record Whole(long step) {}

    /** Weights of the base, and states that are a number of the step. */
    private static void fill(Checkpoint base, BlockLayout block, long step, MemorySegment bytes) {
        base.readBlock(block, bytes);
        for (StateSlot slot : block.states()) {
            bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()).fill((byte) step);
        }
    }

    private static void save(Disk disk, Path run, Checkpoint base, ModelLayout layout, long step) {
        DurableFiles files = new DurableFiles(disk);
        RunCheckpoints checkpoints = new RunCheckpoints(files, run);
        BlockOrigin origin = BlockOrigin.of(base, layout);
        List<Integer> checksums = new ArrayList<>();
        try (CheckpointWriter writer =
                        CheckpointWriter.createWithStates(
                                files, base, layout, checkpoints.place(step));
                Arena arena = Arena.ofConfined()) {
            for (BlockLayout block : layout.blocks()) {
                MemorySegment bytes = arena.allocate(block.sizeBytes());
                fill(base, block, step, bytes);
                writer.writeBlock(block.index(), bytes);
                checksums.add(VerifiedSource.checksum(origin.parts(block.index(), bytes)));
            }
            writer.commit();
        }
        checkpoints.mark(step, checksums, 7, 0);
    }

    @Test
    void theNewestCheckpointHasItsStatesWheneverThePowerFails(@Seed long seed) throws IOException {
        Path before = Files.createDirectory(temp.resolve("before"));
        Path work = Files.createDirectory(temp.resolve("work"));
        Path image = temp.resolve("image");
        Path model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 1, 64, 64);
        try (Checkpoint base = Checkpoint.open(model)) {
            ModelLayout layout = base.layout().withStates(KINDS);
            RecordingDisk disk = new RecordingDisk(work);
            for (long step = 10; step <= 20; step += 10) {
                save(disk, work.resolve("run"), base, layout, step);
                disk.mark(new Whole(step));
            }
            PowerLoss power = new PowerLoss(before, disk.operations());
            for (int cut = 0; cut <= power.length(); cut++) {
                long promised = power.lastMark(cut, Whole.class, new Whole(0)).step();
                for (int variant = -1; variant < VARIANTS; variant++) {
                    if (variant < 0) {
                        power.kill(cut, image);
                    } else {
                        power.cut(cut, seed + variant, image);
                    }
                    check(base, layout, image.resolve("run"), promised);
                }
            }
        }
    }

    private static void check(Checkpoint base, ModelLayout layout, Path run, long promised) {
        Optional<RunCheckpoints.Saved> newest = new RunCheckpoints(run).newest();
        long step = newest.map(RunCheckpoints.Saved::foldedThrough).orElse(0L);
        assertThat(step).isGreaterThanOrEqualTo(promised);
        if (newest.isEmpty()) {
            return;
        }
        BlockOrigin origin = BlockOrigin.of(base, layout);
        Path folder = newest.get().path();
        try (Checkpoint saved = Checkpoint.open(folder);
                StateFile states = StateFile.open(folder, layout);
                Arena arena = Arena.ofConfined()) {
            for (BlockLayout block : layout.blocks()) {
                MemorySegment expected = arena.allocate(block.sizeBytes());
                fill(base, block, step, expected);
                MemorySegment bytes = arena.allocate(block.sizeBytes());
                saved.readBlock(block, bytes);
                states.readBlock(block, bytes, () -> {});
                assertThat(bytes.mismatch(expected)).isEqualTo(-1);
                assertThat(VerifiedSource.checksum(origin.parts(block.index(), bytes)))
                        .isEqualTo(newest.get().checksums().get(block.index()));
            }
        }
    }

    @Test
    void aChecksumCoversStatesAndNoPadding() {
        try (Checkpoint base = Checkpoint.open(Golden.path("opt"));
                Arena arena = Arena.ofConfined()) {
            ModelLayout layout = base.layout().withStates(KINDS);
            BlockOrigin origin = BlockOrigin.of(base, layout);
            BlockLayout block = layout.block(1);
            MemorySegment bytes = arena.allocate(block.sizeBytes());
            fill(base, block, 1, bytes);
            int checksum = VerifiedSource.checksum(origin.parts(1, bytes));
            long parts = origin.parts(1, bytes).stream().mapToLong(MemorySegment::byteSize).sum();
            assertThat(parts)
                    .isEqualTo(
                            block.tensors().stream().mapToLong(slot -> slot.sizeBytes()).sum()
                                    + block.states().stream()
                                            .mapToLong(StateSlot::sizeBytes)
                                            .sum());
            StateSlot last = block.states().getLast();
            bytes.set(ValueLayout.JAVA_BYTE, last.offsetBytes() + last.sizeBytes() - 1, (byte) 9);
            assertThat(VerifiedSource.checksum(origin.parts(1, bytes))).isNotEqualTo(checksum);
        }
    }
}
