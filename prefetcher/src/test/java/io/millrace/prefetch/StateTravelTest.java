package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.StateSlot;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.FileExtent;
import io.millrace.memory.nvme.LayeredSource;
import io.millrace.memory.nvme.OriginalReader;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.telemetry.SpanRecorder;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * Blocks that hold states beside their weights, in layouts of any kind: states begin at zero, and
 * go with the weights through slots, store and kills.
 */
@ExtendWith(SeedExtension.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class StateTravelTest {
    private static final int RUNS = 6;
    private static final int LIVES = 3;
    private static final int STEPS = 5;
    private static final List<Integer> VISITS = List.of(0, 1, 2, 3, 0);

    @TempDir Path folder;

    /** A model's blocks and the file that their weights come from. */
    private record Model(List<BlockLayout> blocks, List<List<FileExtent>> extents) {
        List<Long> sizes() {
            return blocks.stream().map(BlockLayout::sizeBytes).toList();
        }

        List<Long> weights() {
            return blocks.stream().map(BlockLayout::weightBytes).toList();
        }
    }

    private static Model model(Path file, SplittableRandom random) throws IOException {
        List<DType> dtypes = List.of(DType.F32, DType.BF16, DType.F16);
        List<StateSlot.Kind> kinds = new ArrayList<>();
        for (int i = 1 + random.nextInt(2); i > 0; i--) {
            kinds.add(new StateSlot.Kind("s" + i, dtypes.get(random.nextInt(2))));
        }
        List<BlockLayout> blocks = new ArrayList<>();
        List<List<FileExtent>> extents = new ArrayList<>();
        long at = random.nextInt(100);
        for (int block = 0; block < 4; block++) {
            List<TensorSlot> slots = new ArrayList<>();
            for (int i = 1 + random.nextInt(4); i > 0; i--) {
                List<Long> shape = List.of(1L + random.nextInt(900));
                slots.add(new TensorSlot("t" + i, 0, dtypes.get(random.nextInt(3)), shape, 0));
            }
            BlockLayout layout = BlockLayout.pack(block, slots).withStates(kinds);
            List<FileExtent> places = new ArrayList<>();
            for (TensorSlot slot : layout.tensors()) {
                places.add(new FileExtent(file, at, slot.sizeBytes(), slot.offsetBytes()));
                at += slot.sizeBytes() + random.nextInt(50);
            }
            blocks.add(layout);
            extents.add(places);
        }
        byte[] content = new byte[(int) at + 1];
        random.nextBytes(content);
        Files.write(file, content);
        return new Model(blocks, extents);
    }

    /** Changes every byte of every tensor and every state by what it was and by the step. */
    private static void fold(BlockLayout layout, MemorySegment bytes, long step) {
        for (TensorSlot slot : layout.tensors()) {
            change(bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()), step);
        }
        for (StateSlot slot : layout.states()) {
            change(bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()), 3 * step + slot.state());
        }
    }

    private static void change(MemorySegment bytes, long by) {
        for (long i = 0; i < bytes.byteSize(); i++) {
            byte was = bytes.get(ValueLayout.JAVA_BYTE, i);
            bytes.set(ValueLayout.JAVA_BYTE, i, (byte) (31 * was + by + i));
        }
    }

    /** Steps over all visits; what was seen of tensors and states. */
    private static long tune(BlockFeed feed, Model model, long first, long last) {
        long seen = 17;
        for (long step = first; step <= last; step++) {
            for (int block : VISITS) {
                BlockLayout layout = model.blocks.get(block);
                try (BlockLease lease = feed.acquire(block)) {
                    MemorySegment bytes = lease.weights();
                    for (long due = lease.foldedThrough() + 1; due <= step; due++) {
                        fold(layout, bytes, due);
                    }
                    if (lease.foldedThrough() < step) {
                        lease.markFolded(step, true);
                    }
                    seen = digest(layout, bytes, seen);
                }
            }
        }
        return seen;
    }

    private static long digest(BlockLayout layout, MemorySegment bytes, long before) {
        long seen = before;
        for (TensorSlot slot : layout.tensors()) {
            seen = digest(bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()), seen);
        }
        for (StateSlot slot : layout.states()) {
            seen = digest(bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()), seen);
        }
        return seen;
    }

    private static long digest(MemorySegment bytes, long before) {
        long seen = before;
        for (long i = 0; i < bytes.byteSize(); i++) {
            seen = 31 * seen + bytes.get(ValueLayout.JAVA_BYTE, i);
        }
        return seen;
    }

    @Test
    void statesGoWithTheirWeightsWhateverComes(@Seed long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        for (int run = 0; run < RUNS; run++) {
            Path place = Files.createDirectory(folder.resolve("run" + run));
            Model model = model(place.resolve("base"), random);
            HostMemory memory = new HostMemory(Ledger.unlimited());
            try (FileIo io = FileIo.open(place, IoOptions.defaults());
                    OriginalReader base = originals(model, io, memory);
                    ResidentFeed whole = new ResidentFeed(model.blocks, memory, base::read)) {
                requireZeroStates(model, whole);
                for (int life = 0; life < LIVES; life++) {
                    long first = 1 + (long) life * STEPS;
                    long expected = tune(whole, model, first, first + STEPS - 1);
                    assertThat(live(place, model, random, first))
                            .as("run %d, life %d", run, life)
                            .isEqualTo(expected);
                }
            }
            memory.requireNoneOpen();
        }
    }

    private static OriginalReader originals(Model model, FileIo io, HostMemory memory) {
        return new OriginalReader(model.extents, model.weights(), model.sizes(), io, memory);
    }

    private static void requireZeroStates(Model model, BlockFeed feed) {
        for (BlockLayout layout : model.blocks) {
            try (BlockLease lease = feed.acquire(layout.index())) {
                assertThat(lease.foldedThrough()).isZero();
                assertThat(
                                lease.weights()
                                        .asSlice(layout.weightBytes(), layout.stateBytes())
                                        .toArray(ValueLayout.JAVA_BYTE))
                        .containsOnly(0);
            }
        }
    }

    /** Some steps in one process with little memory, which may end without a word. */
    private static long live(Path place, Model model, SplittableRandom random, long first)
            throws IOException {
        try (OwnedResources owned = new OwnedResources()) {
            Device device =
                    owned.own(
                            Devices.open(
                                    DeviceName.EMULATED,
                                    Ledger.unlimited(),
                                    DeviceOptions.defaults()));
            HostMemory host = new HostMemory(Ledger.unlimited(), Tier.HOST, device.pinning());
            FileIo io = owned.own(FileIo.open(place, IoOptions.defaults().withPieces(8192, 2)));
            OriginalReader base = owned.own(originals(model, io, host));
            Path folder = Files.createDirectories(place.resolve("blocks"));
            BlockStore store =
                    owned.own(
                            BlockStore.open(
                                    new StoreConfig(folder, model.sizes(), 42, 1 << 16), io, host));
            long largest =
                    model.sizes().stream().mapToLong(HostMemory::pageBytes).max().orElseThrow();
            boolean unified = random.nextBoolean();
            PlacementRequest request =
                    new PlacementRequest(
                            model.sizes(),
                            VISITS,
                            largest + random.nextLong(2 * largest),
                            unified
                                    ? PlacementRequest.UNIFIED
                                    : largest + random.nextLong(2 * largest),
                            random.nextInt(3),
                            true);
            BlockSource source = new LayeredSource(List.of(store, base));
            FeedPorts ports =
                    new FeedPorts(
                            host,
                            unified ? Optional.empty() : Optional.of(DevicePort.of(device)),
                            source,
                            Optional.of(BlockSink.of(store)),
                            step -> {},
                            new SpanRecorder());
            PipelinedFeed feed =
                    owned.own(
                            new PipelinedFeed(
                                    (Placement) Placement.plan(request),
                                    ports,
                                    FeedOptions.defaults().withOverlap(random.nextBoolean())));
            long seen = tune(feed, model, first, first + STEPS - 1);
            if (random.nextBoolean()) {
                feed.flush();
                requireStored(model, store, host, first + STEPS - 1);
            }
            return seen;
        }
    }

    /** Whole blocks, states included, are under the store's checksums. */
    private static void requireStored(Model model, BlockStore store, HostMemory host, long step) {
        try (var slab = host.allocate("a block", 1 << 20)) {
            for (BlockLayout layout : model.blocks) {
                assertThat(store.read(layout.index(), slab.segment())).isEqualTo(step);
            }
        }
        assertThat(IntStream.range(0, model.blocks.size()).mapToLong(store::version))
                .containsOnly(step);
    }
}
