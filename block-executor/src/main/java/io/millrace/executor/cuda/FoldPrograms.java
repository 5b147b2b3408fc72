package io.millrace.executor.cuda;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.optim.PendingUpdates;
import io.millrace.optim.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Pending updates as programs for the kernels. The last few stay on the device: in a steady run all
 * blocks of a step share one or two. Owned and called by one thread.
 */
public final class FoldPrograms implements AutoCloseable {
    private static final int OP_BYTES = 16;
    private static final int SLOTS = 8;
    private static final int FIRST_CAPACITY = 256;

    private static final int DECAY = 0;
    private static final int TERM = 1;
    private static final int ROUND = 2;
    private static final int STORE = 3;

    private final Device device;
    private final HostMemory host;
    private final Slot[] slots = new Slot[SLOTS];
    private DeviceBuffer onDevice;
    private HostSlab staging;
    private int capacity;
    private int next;

    /** What a slot holds, and when its staging may be written again. */
    private static final class Slot {
        private final DeviceEvent copied;
        private long foldThrough;
        private Update first; // by identity: a run's log keeps its updates
        private Update last;
        private FoldProgram program = FoldProgram.EMPTY;

        Slot(DeviceEvent copied) {
            this.copied = copied;
        }

        @SuppressWarnings("ReferenceEquality") // the same updates are the same objects
        boolean holds(PendingUpdates pending) {
            return first == pending.update(0)
                    && last == pending.update(pending.size() - 1)
                    && foldThrough == pending.foldThrough();
        }
    }

    /**
     * No programs yet.
     *
     * @param device whose compute stream runs the kernels
     * @param host pinned staging
     */
    public FoldPrograms(Device device, HostMemory host) {
        this.device = device;
        this.host = host;
        allocate(FIRST_CAPACITY);
        for (int slot = 0; slot < SLOTS; slot++) {
            slots[slot] = new Slot(device.newEvent());
        }
    }

    /** Bytes of device memory that programs take as long as none is unusually long. */
    public static long deviceBytes() {
        return HostMemory.pageBytes((long) SLOTS * FIRST_CAPACITY * OP_BYTES);
    }

    /** The program of some updates; valid until {@value #SLOTS} others were asked for. */
    public FoldProgram of(PendingUpdates pending) {
        if (pending.size() == 0) {
            return FoldProgram.EMPTY;
        }
        for (Slot slot : slots) {
            if (slot.holds(pending)) {
                return slot.program;
            }
        }
        return upload(pending);
    }

    private FoldProgram upload(PendingUpdates pending) {
        int most = mostSteps(pending);
        if (most > capacity) {
            grow(most);
        }
        int index = next;
        next = (next + 1) % SLOTS;
        Slot slot = slots[index];
        slot.copied.synchronize();
        long offset = (long) index * capacity * OP_BYTES;
        MemorySegment place = staging.segment().asSlice(offset, (long) most * OP_BYTES);
        int count = write(pending, place);
        device.compute().copyH2D(place, onDevice, offset);
        device.compute().record(slot.copied);
        slot.first = pending.update(0);
        slot.last = pending.update(pending.size() - 1);
        slot.foldThrough = pending.foldThrough();
        slot.program = new FoldProgram(onDevice.address() + offset, count);
        return slot.program;
    }

    /** Happens when more updates than ever are pending, as after a resume; not in a steady run. */
    private void grow(int count) {
        device.compute().synchronize();
        closeMemory();
        allocate(Math.max(count, 2 * capacity));
        for (Slot slot : slots) {
            slot.first = null;
        }
    }

    private void allocate(int ops) {
        capacity = ops;
        long bytes = HostMemory.pageBytes((long) SLOTS * ops * OP_BYTES);
        onDevice = device.allocate("pending updates", bytes);
        staging = host.allocatePinned("pending updates", bytes);
    }

    private static int mostSteps(PendingUpdates pending) {
        int count = 1; // the store
        for (int i = 0; i < pending.size(); i++) {
            count += pending.update(i).terms().size() + 2;
        }
        return count;
    }

    private static int write(PendingUpdates pending, MemorySegment place) {
        int at = 0;
        for (int i = 0; i < pending.size(); i++) {
            Update update = pending.update(i);
            if (update.decay() != 1f) {
                put(place, at++, 0, update.decay(), DECAY);
            }
            for (int k = 0; k < update.terms().size(); k++) {
                Update.Term term = update.terms().get(k);
                put(place, at++, term.seed(), term.coefficient(), TERM);
            }
            if (pending.foldsAfter(update.step())) {
                put(place, at++, update.seed(), 0, ROUND);
                if (update.step() == pending.foldThrough()) {
                    put(place, at++, 0, 0, STORE);
                }
            }
        }
        return at;
    }

    private static void put(MemorySegment place, int index, long seed, float value, int kind) {
        long at = (long) index * OP_BYTES;
        place.set(ValueLayout.JAVA_LONG, at, seed);
        place.set(ValueLayout.JAVA_FLOAT, at + 8, value);
        place.set(ValueLayout.JAVA_INT, at + 12, kind);
    }

    private void closeMemory() {
        onDevice.close();
        staging.close();
    }

    @Override
    public void close() {
        for (Slot slot : slots) {
            slot.copied.synchronize();
            slot.copied.close();
        }
        closeMemory();
    }
}
