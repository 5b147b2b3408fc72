package io.millrace.executor.journal;

import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.file.Elements;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;

/**
 * Tensors that a run tuned and that are no matrices, and how far they went.
 *
 * @param count how many
 * @param change Frobenius norm of all their changes together
 * @param norm of what they were in the base
 */
public record TrainedVectors(int count, double change, double norm) {
    static TrainedVectors of(
            Checkpoint checkpoint,
            ModelLayout layout,
            List<TensorSlot> vectors,
            RunFactors factors) {
        double changes = 0;
        double squares = 0;
        for (TensorSlot slot : vectors) {
            int block = layout.find(slot.name()).orElseThrow().block();
            changes += squares(factors.ofVector(slot, block));
            squares += squares(base(checkpoint, slot));
        }
        return new TrainedVectors(vectors.size(), Math.sqrt(changes), Math.sqrt(squares));
    }

    private static double[] base(Checkpoint checkpoint, TensorSlot slot) {
        double[] values = new double[Math.toIntExact(slot.elementCount())];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(slot.sizeBytes(), Float.BYTES);
            checkpoint.readTensor(slot, 0, bytes);
            for (int i = 0; i < values.length; i++) {
                values[i] = Elements.get(bytes, slot.dtype(), i);
            }
        }
        return values;
    }

    private static double squares(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value * value;
        }
        return sum;
    }

    /** The change over what was there. */
    public double relativeChange() {
        return norm == 0 ? 0 : change / norm;
    }

    /** Such as {@code 13 vectors, whose change has a norm of 0.0021, 0.01 % of theirs}. */
    public String describe() {
        return String.format(
                Locale.ROOT,
                "%d vectors, whose change has a norm of %.3g, %.2g %% of theirs",
                count,
                change,
                100 * relativeChange());
    }
}
