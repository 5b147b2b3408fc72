package io.millrace.executor.cpu.gradient;

import io.millrace.executor.step.Floats;
import io.millrace.memory.nvme.SpillFile;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * What came into each layer on the way there, for the way back: all of it in memory, or that of the
 * layers that come next, and of the others on a drive. Then each is written while the layers above
 * it are computed, and read while those above it go back; and the gradients of both ends of a tied
 * model, which wait from the head to the embedding, are on the drive meanwhile.
 */
final class LayerInputs implements AutoCloseable {
    private static final int NONE = -1;

    private final Floats memory;
    private final Floats ends;
    private final BackwardPlan plan;
    private final Optional<SpillFile> file;
    private final long each; // floats of a layer's
    private int lowest;
    private int last; // the highest layer's place
    private int writing = NONE;
    private int reading = NONE;

    /**
     * Inputs in some memory.
     *
     * @param memory of those that are in memory at once
     * @param ends where the gradients of both ends lie, should they be set aside
     * @param plan of the memory
     * @param file where the others go; empty where all are in memory
     */
    LayerInputs(Floats memory, Floats ends, BackwardPlan plan, Optional<SpillFile> file) {
        this.memory = memory;
        this.ends = ends;
        this.plan = plan;
        this.file = file;
        each = plan.floats().get(BackwardPlan.Part.INPUTS) / Math.max(1, plan.inputs());
    }

    /**
     * Begins a step.
     *
     * @param lowestPlace of the lowest part of the model that goes back
     * @param head the head's place
     */
    void begin(int lowestPlace, int head) {
        lowest = Math.max(1, lowestPlace);
        last = head - 1;
        writing = NONE;
        reading = NONE;
        file.ifPresent(SpillFile::abandon); // a step that was not finite has left its own
    }

    /** Where the input of a layer lies, by its place in the program. */
    Floats of(int place) {
        return memory.at(slot(place) * each);
    }

    private int slot(int place) {
        return (place - 1) % plan.inputs();
    }

    /** A layer's is about to be made: what was where it comes has to be on the drive. */
    void make(int place) {
        if (file.isPresent() && place - plan.inputs() == writing) {
            file.get().awaitWritten();
            writing = NONE;
        }
    }

    /** A layer's is made. */
    void made(int place) {
        if (goesAside(place)) {
            file.orElseThrow().write(place - 1, segment(place));
            writing = place;
        }
    }

    /** A layer's is about to be used. */
    void need(int place) {
        if (file.isPresent() && place == reading) {
            file.get().awaitRead();
            reading = NONE;
        }
    }

    /** A layer goes back no more: another's comes where its was. */
    void used(int place) {
        int next = place - plan.inputs();
        if (place <= last && next >= lowest && goesAside(next)) {
            file.orElseThrow().read(next - 1, segment(place));
            reading = next;
        }
    }

    /** Whether another's comes where a layer's lies before that is used. */
    private boolean goesAside(int place) {
        return file.isPresent() && place >= lowest && place + plan.inputs() <= last;
    }

    /** Sets the gradients of both ends aside, since other blocks' come where they are. */
    void setEndsAside() {
        if (file.isPresent()) {
            file.get().write(endsArea(), ends.segment());
            file.get().awaitWritten();
            writing = NONE;
        }
    }

    /** Brings them back. */
    void bringEndsBack() {
        if (file.isPresent()) {
            file.get().read(endsArea(), ends.segment());
            file.get().awaitRead();
            reading = NONE;
        }
    }

    /** Waits for what still moves, which a step that failed may have left: the memory goes. */
    @Override
    public void close() {
        file.ifPresent(SpillFile::quiesce);
    }

    private int endsArea() {
        return plan.spills().size() - 1;
    }

    private MemorySegment segment(int place) {
        long bytes = each * Float.BYTES;
        return memory.segment().asSlice(memory.start() * Float.BYTES + slot(place) * bytes, bytes);
    }
}
