package io.millrace.executor.companion;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The companions of a model's blocks, in memory of their own for as long as a run lasts. */
public final class Companions implements AutoCloseable {
    private static final String PURPOSE = "tensors beside the model";

    private final Runnable free;
    private final List<Companion> companions;

    private Companions(Runnable free, List<Companion> companions) {
        this.free = free;
        this.companions = companions;
    }

    /** Those of a model whose blocks have none. */
    public static Companions none() {
        return new Companions(() -> {}, List.of());
    }

    /**
     * Takes memory for the companions of a layout, if it has any, and fills them.
     *
     * @param memory that is computed in
     * @param layout of the blocks
     * @param source of the companions
     */
    public static Companions open(HostMemory memory, ModelLayout layout, CompanionSource source) {
        return layout.beside()
                .map(beside -> opened(memory, beside, source))
                .orElseGet(Companions::none);
    }

    private static Companions opened(
            HostMemory memory, ModelLayout beside, CompanionSource source) {
        HostSlab slab = memory.allocate(PURPOSE, beside.sizeBytes());
        try {
            slab.segment().fill((byte) 0);
            List<Companion> companions = new ArrayList<>();
            long offset = 0;
            for (BlockLayout block : beside.blocks()) {
                MemorySegment bytes = slab.segment().asSlice(offset, block.sizeBytes());
                companions.add(new Companion(block, bytes, source.read(block, bytes)));
                offset += block.sizeBytes();
            }
            return new Companions(slab::close, companions);
        } catch (RuntimeException | Error e) {
            slab.close();
            throw e;
        }
    }

    /**
     * The same where the host cannot address what is computed in.
     *
     * @param device that computes
     * @param passing pinned memory as large as the largest of them, which they pass through
     */
    public static Companions open(
            Device device, HostSlab passing, ModelLayout layout, CompanionSource source) {
        ModelLayout beside = layout.beside().orElseThrow();
        DeviceBuffer memory = device.allocate(PURPOSE, beside.sizeBytes());
        try (DeviceEvent copied = device.newEvent()) {
            List<Companion> companions = new ArrayList<>();
            long offset = 0;
            for (BlockLayout block : beside.blocks()) {
                MemorySegment bytes = passing.segment().asSlice(0, block.sizeBytes());
                bytes.fill((byte) 0);
                long held = source.read(block, bytes);
                if (block.sizeBytes() > 0) {
                    device.compute().copyH2D(bytes, memory, offset);
                    device.compute().record(copied);
                    copied.synchronize();
                }
                // Of no length here, and with the device's address.
                MemorySegment place = MemorySegment.ofAddress(memory.address() + offset);
                companions.add(new Companion(block, place, held));
                offset += block.sizeBytes();
            }
            return new Companions(memory::close, companions);
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    /** Bytes of memory that the companions of a layout take; 0 where it has none. */
    public static long bytes(ModelLayout layout) {
        return layout.beside().map(beside -> HostMemory.pageBytes(beside.sizeBytes())).orElse(0L);
    }

    /** Whether no block has one. */
    public boolean isEmpty() {
        return companions.isEmpty();
    }

    /** A block's. */
    public Optional<Companion> of(int block) {
        return companions.isEmpty() ? Optional.empty() : Optional.of(companions.get(block));
    }

    /** All of them, in the order of their blocks. */
    public List<Companion> all() {
        return companions;
    }

    @Override
    public void close() {
        free.run();
    }
}
