package io.millrace.executor.cpu.weight;

import io.millrace.executor.step.Floats;
import java.lang.foreign.MemorySegment;

/** One worker's arrays that say where the outputs of a pass go: one for every scale. */
public final class PassOutputs {
    private final MemorySegment[][] memory;
    private final long[][] offsets;
    private int count;

    /** Arrays for up to so many scales. */
    public PassOutputs(int scales) {
        memory = new MemorySegment[scales + 1][];
        offsets = new long[scales + 1][];
        for (int outputs = 0; outputs <= scales; outputs++) {
            memory[outputs] = new MemorySegment[outputs];
            offsets[outputs] = new long[outputs];
        }
    }

    /** Aims at a place for the first scale, and at others behind it. */
    public PassOutputs aim(int outputs, Floats place, long stride) {
        count = outputs;
        for (int scale = 0; scale < outputs; scale++) {
            memory[outputs][scale] = place.segment();
            offsets[outputs][scale] = (place.start() + scale * stride) * place.type().sizeBytes();
        }
        return this;
    }

    public MemorySegment[] memory() {
        return memory[count];
    }

    public long[] offsets() {
        return offsets[count];
    }
}
