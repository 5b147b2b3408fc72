package io.millrace.executor.stranger;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.DirectionKind;
import io.millrace.optim.direction.DirectionOptions;
import io.millrace.optim.random.SplitMix64;
import java.util.Map;

/**
 * Three values, two thirds of them 0, with unit variance; the project's sources know nothing of it.
 */
public record ToyDirection(int rank) implements DenseDirection {
    private static final float LEVEL = (float) Math.sqrt(3);

    /** The registry's line. */
    public static final class Kind implements DirectionKind {
        @Override
        public String name() {
            return "toy";
        }

        @Override
        public Direction make(DirectionOptions options) {
            return new ToyDirection(options.rank());
        }
    }

    @Override
    public String name() {
        return "toy";
    }

    @Override
    public Map<String, Object> fields() {
        return Map.of("rank", rank);
    }

    @Override
    public void fill(long seed, int tensorId, long firstElement, float[] z, int offset, int count) {
        for (int i = 0; i < count; i++) {
            long word = SplitMix64.output(seed + 7919L * tensorId + rank, firstElement + i + 1);
            z[offset + i] =
                    switch ((int) Long.remainderUnsigned(word, 6)) {
                        case 0 -> LEVEL;
                        case 1 -> -LEVEL;
                        default -> 0;
                    };
        }
    }
}
