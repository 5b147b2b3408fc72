package io.millrace.executor.stranger;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.DirectionKind;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.optim.random.SplitMix64;
import java.util.List;

/**
 * Three values, two thirds of them 0, with unit variance; the project's sources know nothing of it.
 */
public record ToyDirection(int salt) implements DenseDirection {
    private static final float LEVEL = (float) Math.sqrt(3);

    /** An option that the project's sources know nothing of, either. */
    public static final Option<Integer> SALT =
            Option.named("toy-salt", OptionTypes.INTEGER)
                    .label("N")
                    .help("Which of the toys.")
                    .usual(3)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** The registry's line. */
    public static final class Kind implements DirectionKind {
        @Override
        public String name() {
            return "toy";
        }

        @Override
        public List<Option<?>> options() {
            return List.of(SALT);
        }

        @Override
        public Direction make(Settings values, long runSeed) {
            return new ToyDirection(values.get(SALT));
        }
    }

    @Override
    public String name() {
        return "toy";
    }

    @Override
    public void fill(long seed, int tensorId, long firstElement, float[] z, int offset, int count) {
        for (int i = 0; i < count; i++) {
            long word = SplitMix64.output(seed + 7919L * tensorId + salt, firstElement + i + 1);
            z[offset + i] =
                    switch ((int) Long.remainderUnsigned(word, 6)) {
                        case 0 -> LEVEL;
                        case 1 -> -LEVEL;
                        default -> 0;
                    };
        }
    }
}
