package io.millrace.memory.nvme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.CorruptDataException;
import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.RecordingFileIo.Event;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Loses power between any two writes, and sees that every block is whole. */
@ExtendWith(SeedExtension.class)
final class CrashReplayTest {
    private static final List<Long> SIZES = List.of(8192L, 5000L, 8192L, 8192L);
    private static final int WRITES = 40;

    @TempDir Path work;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());

    /** What the program knew at an instant: versions that a sync had promised. */
    private record Promise(List<Long> durable) {}

    @Test
    void everyBlockIsWholeWhateverInstantThePowerFails(@Seed long seed) throws IOException {
        List<Event> events = record(seed);
        CrashImages images = new CrashImages(work.resolve("base"), events, true);
        int checked = 0;
        try (FileIo io = plainIo()) {
            for (int prefix = 0; prefix <= events.size(); prefix++) {
                for (int variant = 0; variant < 2; variant++) {
                    Path folder = work.resolve("image");
                    images.lay(prefix, seed + 31L * prefix + variant, folder);
                    check(io, folder, events.subList(0, prefix));
                    BlockStore.delete(folder);
                    checked++;
                }
            }
        }
        assertThat(checked).isGreaterThan(4 * WRITES);
        memory.requireNoneOpen();
    }

    @Test
    void findsTheDamageOfADriveThatLiesAboutSyncs(@Seed long seed) throws IOException {
        List<Event> events = record(seed);
        CrashImages images = new CrashImages(work.resolve("base"), events, false);
        assertThatThrownBy(
                        () -> {
                            try (FileIo io = plainIo()) {
                                for (int variant = 0; variant < 50; variant++) {
                                    Path folder = work.resolve("image" + variant);
                                    images.lay(events.size(), seed + variant, folder);
                                    check(io, folder, events);
                                }
                            }
                        })
                .isInstanceOfAny(CorruptDataException.class, AssertionError.class);
    }

    /** Writes blocks of rising versions, in any order, with a sync now and then. */
    private List<Event> record(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        Path folder = Files.createDirectories(work.resolve("store"));
        StoreConfig config = new StoreConfig(folder, SIZES, 7, 0);
        // Small pieces, so that a block is several writes that may be torn apart.
        IoOptions options = IoOptions.defaults().withPieces(4096, 4);
        try (RecordingFileIo io = new RecordingFileIo(FileIo.open(folder, options));
                HostSlab slab = memory.allocate("block", 8192)) {
            BlockStore.open(config, io, memory).close();
            copy(folder, work.resolve("base"));
            int created = io.events().size();
            try (BlockStore store = BlockStore.open(config, io, memory)) {
                for (int step = 1; step <= WRITES; step++) {
                    int block = random.nextInt(SIZES.size());
                    var bytes = slab.segment().asSlice(0, SIZES.get(block));
                    Patterns.fill(bytes, block, step);
                    store.write(block, slab.segment(), step);
                    if (random.nextInt(3) == 0) {
                        store.sync();
                    }
                    io.mark(promise(store));
                }
            }
            List<Event> events = io.events();
            return events.subList(created, events.size());
        }
    }

    private FileIo plainIo() {
        IoOptions options = IoOptions.defaults().withEngine(IoOptions.Engine.PREAD);
        return FileIo.open(work, options.withDirect(false).withPieces(8192, 1));
    }

    private static Promise promise(BlockStore store) {
        return new Promise(
                IntStream.range(0, SIZES.size()).mapToObj(store::durableVersion).toList());
    }

    private void check(FileIo io, Path folder, List<Event> past) {
        List<Long> promised =
                past.reversed().stream()
                        .filter(Event.Mark.class::isInstance)
                        .findFirst()
                        .map(mark -> ((Promise) ((Event.Mark) mark).note()).durable())
                        .orElse(Collections.nCopies(SIZES.size(), 0L));
        StoreConfig config = new StoreConfig(folder, SIZES, 7, 0);
        try (BlockStore store = BlockStore.open(config, io, memory);
                HostSlab slab = memory.allocate("block", 8192)) {
            for (int block = 0; block < SIZES.size(); block++) {
                long version = store.version(block);
                assertThat(version)
                        .as("block %d after %d events", block, past.size())
                        .isBetween(promised.get(block), (long) WRITES);
                if (version > 0) {
                    var bytes = slab.segment().asSlice(0, SIZES.get(block));
                    assertThat(store.read(block, slab.segment())).isEqualTo(version);
                    assertThat(Patterns.matches(bytes, block, version))
                            .as("block %d at step %d", block, version)
                            .isTrue();
                }
            }
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (var files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName().toString()));
            }
        }
    }
}
