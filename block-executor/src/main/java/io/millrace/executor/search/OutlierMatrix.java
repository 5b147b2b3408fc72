package io.millrace.executor.search;

import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.spec.LinearSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;

/**
 * What the weights of a matrix count: their sizes, times the lengths of their inputs.
 *
 * @param base that has it
 * @param slot where it is, in float32
 * @param each weights that follow one another and have one input
 * @param lengths of the inputs
 */
record OutlierMatrix(Checkpoint base, TensorSlot slot, int each, double[] lengths) {
    private static final int PIECE = 1 << 18; // elements

    static OutlierMatrix of(
            Checkpoint base, TensorSlot slot, LinearSpec matrix, Optional<InputSquares> inputs) {
        double[] ones = new double[matrix.inputs()];
        Arrays.fill(ones, 1);
        double[] lengths =
                inputs.map(squares ->
                                // What no token came to has inputs of nothing.
                                squares.lengths(matrix.weight())
                                        .orElseGet(() -> new double[matrix.inputs()]))
                        .orElse(ones);
        return new OutlierMatrix(base, slot, matrix.inputMajor() ? matrix.outputs() : 1, lengths);
    }

    long elements() {
        return slot.elementCount();
    }

    /** Takes what some weights count. */
    private interface Scores {
        void take(double[] scores, int count);
    }

    double sum() {
        double[] sum = {0};
        read((scores, count) -> {
            for (int i = 0; i < count; i++) {
                sum[0] += scores[i];
            }
        });
        return sum[0];
    }

    /** How many count more than a bound. */
    long above(double bound) {
        long[] above = {0};
        read((scores, count) -> {
            for (int i = 0; i < count; i++) {
                above[0] += scores[i] > bound ? 1 : 0;
            }
        });
        return above[0];
    }

    private void read(Scores then) {
        double[] scores = new double[PIECE];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((long) PIECE * Float.BYTES, Float.BYTES);
            for (long done = 0; done < elements(); done += PIECE) {
                int count = (int) Math.min(PIECE, elements() - done);
                base.readTensor(
                        slot, done * Float.BYTES, bytes.asSlice(0, (long) count * Float.BYTES));
                for (int i = 0; i < count; i++) {
                    float weight = bytes.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                    int input = (int) ((done + i) / each % lengths.length);
                    scores[i] = Math.abs((double) weight) * lengths[input];
                }
                then.take(scores, count);
            }
        }
    }
}
