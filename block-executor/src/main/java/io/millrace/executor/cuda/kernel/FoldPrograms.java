package io.millrace.executor.cuda.kernel;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.optim.update.ElementProgram;
import io.millrace.optim.update.FactorSchedule;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Pending updates, and what they gather, as programs for the kernels. The last few stay on the
 * device: in a steady run all blocks of a step share one or two. A program has bounded room, which
 * the plan of memory counts; who has more updates takes them piece by piece. Owned and called by
 * one thread.
 */
public final class FoldPrograms implements AutoCloseable {
    private static final int OP_BYTES = 16;
    private static final int SLOTS = 8;
    private static final int LEAST_CAPACITY = 256;

    private static final int DECAY = 0;
    private static final int TERM = 1;
    private static final int ROUND = 2;
    private static final int STORE = 3;
    private static final int START = 4;
    private static final int KEEP = 5;
    private static final int SLOPE = 6;
    private static final int RATE = 7;
    private static final int BEGIN_SUM = 8;
    private static final int END_SUM = 9;
    private static final int STEP = 10;

    // What a slot holds beside programs of pending updates, in the place of the step they fold to.
    private static final long FOLDING = -1;
    private static final long GATHERING = -2;
    private static final long SHAPING = -3;

    private static final int ANY_TENSOR = -1;

    // Of an update, beside its terms: its step, decay, both ends of a sum, and rounding.
    private static final int MOST_OTHERS = 5;

    private final Device device;
    private final Slot[] slots = new Slot[SLOTS];
    private final DeviceBuffer onDevice;
    private final HostSlab staging;
    private final int capacity;
    private final DeviceMask mask;
    private int next;

    /** What a slot holds, and when its staging may be written again. */
    private static final class Slot {
        private final int index;
        private final DeviceEvent copied;
        private long kind; // the step that is stored, or another kind
        private long seed; // of a query whose z is shaped
        private int tensor = ANY_TENSOR; // whose factors it has
        private List<Update> updates = List.of(); // by identity: a run's log keeps its updates
        private FoldProgram program = FoldProgram.EMPTY;

        Slot(int index, DeviceEvent copied) {
            this.index = index;
            this.copied = copied;
        }

        boolean shapes(long query, int wantedTensor) {
            return kind == SHAPING && seed == query && tensor == wantedTensor;
        }

        @SuppressWarnings("ReferenceEquality") // the same updates are the same objects
        boolean holds(List<Update> wanted, long wantedKind, int wantedTensor) {
            if (kind != wantedKind || tensor != wantedTensor || updates.size() != wanted.size()) {
                return false;
            }
            for (int i = wanted.size() - 1; i >= 0; i--) {
                if (updates.get(i) != wanted.get(i)) {
                    return false;
                }
            }
            return true;
        }
    }

    /**
     * No programs yet.
     *
     * @param device whose compute stream runs the kernels
     * @param host pinned staging
     * @param capacity steps that a program has room for
     * @param mask which elements updates reach
     */
    public FoldPrograms(Device device, HostMemory host, int capacity, DeviceMask mask) {
        this.device = device;
        this.capacity = capacity;
        this.mask = mask;
        long bytes = bytes(capacity);
        onDevice = device.allocate("pending updates", bytes);
        staging = host.allocatePinned("pending updates", bytes);
        for (int slot = 0; slot < SLOTS; slot++) {
            slots[slot] = new Slot(slot, device.newEvent());
        }
    }

    /**
     * Steps that a program needs room for: all from one rounding to the next, or what one update
     * adds to thin factors.
     *
     * @param foldEvery updates from one rounding to the next
     * @param queries terms of an update
     */
    public static long capacity(int foldEvery, int queries) {
        long period = foldEvery * ((long) queries + MOST_OTHERS) + 1;
        return Math.max(LEAST_CAPACITY, Math.max(period, 2L * queries + 2 + MOST_OTHERS));
    }

    /** The most updates from one rounding to the next for which so many steps are enough. */
    public static long mostFoldEvery(int steps, int queries) {
        return (steps - 1) / ((long) queries + MOST_OTHERS);
    }

    /** Bytes of device memory, and of staging, that programs of so many steps take. */
    public static long bytes(long capacity) {
        return HostMemory.pageBytes(SLOTS * capacity * OP_BYTES);
    }

    /** How many of some updates, from the first, one program has room for. */
    public int fitting(List<Update> updates) {
        int steps = 1; // the store
        for (int count = 0; count < updates.size(); count++) {
            steps += mostSteps(updates.get(count));
            if (steps > capacity) {
                return count;
            }
        }
        return updates.size();
    }

    /** The program of some updates; valid until {@value #SLOTS} others were asked for. */
    public FoldProgram of(PendingUpdates pending) {
        return of(pending, ANY_TENSOR);
    }

    /** The same for a tensor, whose own factors may be in it. */
    public FoldProgram of(PendingUpdates pending, DeviceTensor tensor) {
        return of(pending, factorsOf(tensor, pending));
    }

    /** Tensors without states have no factors, and one program. */
    private static int factorsOf(DeviceTensor tensor, PendingUpdates pending) {
        boolean factors =
                !tensor.states().isEmpty()
                        && pending.updates().stream()
                                .anyMatch(update ->
                                        update.program()
                                                .filter(FoldPrograms::hasFactors)
                                                .isPresent());
        return factors ? tensor.tensorId() : ANY_TENSOR;
    }

    private static boolean hasFactors(ElementProgram program) {
        return program.steps().stream().anyMatch(step -> step.factor().isPresent());
    }

    private FoldProgram of(PendingUpdates pending, int tensor) {
        if (pending.size() == 0) {
            return FoldProgram.EMPTY;
        }
        FoldProgram known = find(pending.updates(), pending.foldThrough(), tensor);
        if (known != null) {
            return known;
        }
        Slot slot = nextSlot();
        FoldProgram made =
                upload(
                        slot,
                        pending.updates(),
                        pending.foldThrough(),
                        mostSteps(pending),
                        place -> write(pending, tensor, place));
        slot.tensor = tensor;
        return made;
    }

    /** Rounds as after an update, and stores; for tensors whose updates were summed before. */
    public FoldProgram folding(Update last) {
        List<Update> only = List.of(last);
        FoldProgram known = find(only, FOLDING, ANY_TENSOR);
        return known != null
                ? known
                : upload(nextSlot(), only, FOLDING, 2, place -> writeFold(place, 0, last));
    }

    /**
     * What some updates add to what is gathered for the tensors of a block.
     *
     * @param updates of one window, at least one
     * @param schedule says where it begins anew
     */
    public FoldProgram gathering(List<Update> updates, FactorSchedule schedule) {
        FoldProgram known = find(updates, GATHERING, ANY_TENSOR);
        return known != null
                ? known
                : upload(
                        nextSlot(),
                        updates,
                        GATHERING,
                        updates.stream().mapToInt(FoldPrograms::mostSteps).sum(),
                        place -> writeGathering(updates, schedule, place));
    }

    /**
     * What becomes of a query's z.
     *
     * @param program the same for the same seed
     * @param seed the query's
     * @param tensor whose own factors may be in it
     */
    public FoldProgram shaping(ElementProgram program, long seed, DeviceTensor tensor) {
        boolean factors = !tensor.states().isEmpty() && hasFactors(program);
        int id = factors ? tensor.tensorId() : ANY_TENSOR;
        for (Slot slot : slots) {
            if (slot.shapes(seed, id)) {
                return slot.program;
            }
        }
        Slot slot = nextSlot();
        FoldProgram made =
                upload(
                        slot,
                        List.of(),
                        SHAPING,
                        program.steps().size(),
                        place -> writeProgram(place, 0, program, id));
        slot.seed = seed;
        slot.tensor = id;
        return made;
    }

    private FoldProgram find(List<Update> updates, long kind, int tensor) {
        for (Slot slot : slots) {
            if (slot.holds(updates, kind, tensor)) {
                return slot.program;
            }
        }
        return null;
    }

    /** Writes a program's steps, and says how many. */
    private interface Writer {
        int write(MemorySegment place);
    }

    private Slot nextSlot() {
        Slot slot = slots[next];
        next = (next + 1) % SLOTS;
        slot.copied.synchronize();
        slot.tensor = ANY_TENSOR;
        return slot;
    }

    private FoldProgram upload(
            Slot slot, List<Update> updates, long kind, int most, Writer writer) {
        if (most > capacity) {
            throw new IllegalStateException(
                    "a program of " + most + " steps where there is room for " + capacity);
        }
        long offset = (long) slot.index * capacity * OP_BYTES;
        MemorySegment place = staging.segment().asSlice(offset, (long) most * OP_BYTES);
        int count = writer.write(place);
        device.compute().copyH2D(place, onDevice, offset);
        device.compute().record(slot.copied);
        slot.updates = List.copyOf(updates);
        slot.kind = kind;
        boolean elementwise = updates.stream().anyMatch(one -> one.program().isPresent());
        slot.program = new FoldProgram(onDevice.address() + offset, count, elementwise, 0);
        return slot.program;
    }

    private static int mostSteps(PendingUpdates pending) {
        int count = 1; // the store
        for (int i = 0; i < pending.size(); i++) {
            count += mostSteps(pending.update(i));
        }
        return count;
    }

    private static int mostSteps(Update update) {
        int momentum = update.momentum().map(rule -> rule.slopes().size() + 2).orElse(0);
        int orthogonal = update.orthogonal().map(rule -> rule.slopes().size() + 1).orElse(0);
        int program = update.program().map(one -> one.steps().size()).orElse(0);
        return update.terms().size() + momentum + orthogonal + program + MOST_OTHERS;
    }

    private int write(PendingUpdates pending, int tensor, MemorySegment place) {
        int at = 0;
        for (int i = 0; i < pending.size(); i++) {
            Update update = pending.update(i);
            if (mask.masks()) {
                put(place, at++, mask.seed(update.step()), 0, STEP);
            }
            at = writeDecay(place, at, update);
            at = writeTerms(place, at, update.terms(), TERM);
            at = writeSumEnd(place, at, update);
            if (update.program().isPresent()) {
                at = writeProgram(place, at, update.program().get(), tensor);
            }
            if (!pending.foldsAfter(update.step())) {
                continue;
            }
            if (update.step() == pending.foldThrough()) {
                at = writeFold(place, at, update);
            } else {
                put(place, at++, update.seed(), 0, ROUND);
            }
        }
        return at;
    }

    private int writeGathering(List<Update> updates, FactorSchedule schedule, MemorySegment place) {
        int at = 0;
        for (Update update : updates) {
            if (schedule.startsPeriod(update.step())) {
                put(place, at++, 0, 0, START);
            }
            at = writeDecay(place, at, update);
            if (update.momentum().isPresent()) {
                Update.Momentum rule = update.momentum().get();
                put(place, at++, 0, rule.beta(), KEEP);
                at = writeTerms(place, at, rule.slopes(), SLOPE);
                put(place, at++, 0, rule.rate(), RATE);
            }
            if (update.orthogonal().isPresent()) {
                Update.Orthogonal rule = update.orthogonal().get();
                at = writeTerms(place, at, rule.slopes(), SLOPE);
                put(place, at++, 0, rule.rate(), RATE);
            }
            at = writeTerms(place, at, update.terms(), TERM);
            at = writeSumEnd(place, at, update);
        }
        return at;
    }

    private int writeDecay(MemorySegment place, int from, Update update) {
        int at = from;
        if (update.decay().scales()) {
            put(place, at++, 0, update.decay().scale(), DECAY);
        }
        if (sums(update)) {
            put(place, at++, 0, update.decay().added(), BEGIN_SUM);
        }
        return at;
    }

    /** Whether what a step adds is summed apart. A mask asks for what is before the step. */
    private boolean sums(Update update) {
        boolean masked = mask.masks() && update.program().isEmpty() && !update.isStill();
        return masked || update.decay().adds();
    }

    private int writeSumEnd(MemorySegment place, int at, Update update) {
        if (!sums(update)) {
            return at;
        }
        put(place, at, 0, 0, END_SUM);
        return at + 1;
    }

    private static int writeTerms(
            MemorySegment place, int from, List<Update.Term> terms, int kind) {
        int at = from;
        for (int k = 0; k < terms.size(); k++) {
            put(place, at++, terms.get(k).seed(), terms.get(k).coefficient(), kind);
        }
        return at;
    }

    private static int writeProgram(
            MemorySegment place, int from, ElementProgram program, int tensor) {
        int at = from;
        for (ElementProgram.Step step : program.steps()) {
            int kind = KernelCodes.of(step.op());
            int registers = step.to() << 8 | step.a() << 16 | step.b() << 24;
            boolean decays = step.op() == ElementProgram.Op.DECAY;
            float value =
                    step.factor()
                            .map(factor -> tensor == ANY_TENSOR ? 0 : factor.of(tensor))
                            .orElse(step.scalar());
            put(place, at++, step.seed(), value, decays ? kind : kind | registers);
        }
        return at;
    }

    private static int writeFold(MemorySegment place, int at, Update last) {
        put(place, at, last.seed(), 0, ROUND);
        put(place, at + 1, 0, 0, STORE);
        return at + 2;
    }

    private static void put(MemorySegment place, int index, long seed, float value, int kind) {
        long at = (long) index * OP_BYTES;
        place.set(ValueLayout.JAVA_LONG, at, seed);
        place.set(ValueLayout.JAVA_FLOAT, at + 8, value);
        place.set(ValueLayout.JAVA_INT, at + 12, kind);
    }

    @Override
    public void close() {
        for (Slot slot : slots) {
            slot.copied.synchronize();
            slot.copied.close();
        }
        onDevice.close();
        staging.close();
    }
}
