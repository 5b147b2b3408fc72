package io.millrace.optim.direction;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Settings;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every direction that has a name. */
@ExtendWith(SeedExtension.class)
final class DirectionContractTest {
    private static final float POISON = 12345.5f;
    private static final int MOST = 6_000;

    /** A stream of values of one tensor, of which any piece can be asked for. */
    private interface Stream {
        void fill(long seed, int tensorId, long first, float[] values, int offset, int count);
    }

    static Collection<Kind<Direction>> kinds() {
        return Directions.KINDS.all();
    }

    private static Direction make(Kind<Direction> kind) {
        return kind.make(Settings.NONE.complete(kind.options()), 31);
    }

    /** What a direction makes; a new form of direction does not compile before it is here. */
    private static Map<String, Stream> streams(Kind<Direction> kind) {
        return switch (make(kind)) {
            case DenseDirection dense -> Map.of("z", dense::fill);
            case MaskedDirection masked -> Map.of("z", masked.dense()::fill);
            case FactoredDirection factors -> {
                Map<String, Stream> streams = new HashMap<>();
                streams.put("core", factors::fillCore);
                if (factors.core().fixesRight()) {
                    streams.put("right", fixed(kind, FactoredDirection::fillRight));
                }
                if (factors.core() == FactoredDirection.Core.PAIR) {
                    streams.put("right", factors::fillOwnRight);
                }
                if (factors.core().fixesLeft()) {
                    streams.put("left", fixed(kind, FactoredDirection::fillLeft));
                }
                yield streams;
            }
        };
    }

    private interface Fixed {
        void fill(
                FactoredDirection direction,
                long step,
                int tensorId,
                long first,
                float[] values,
                int offset,
                int count);
    }

    /** Of a fixed factor, whose seed is the run's or made from it. */
    private static Stream fixed(Kind<Direction> kind, Fixed fixed) {
        return (seed, tensorId, first, values, offset, count) -> {
            Direction direction = kind.make(Settings.NONE.complete(kind.options()), seed);
            fixed.fill((FactoredDirection) direction, 77, tensorId, first, values, offset, count);
        };
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void isKnownByItsNameAndByWhatItSaysOfItself(Kind<Direction> kind) {
        Direction direction = make(kind);
        assertThat(direction.name()).isEqualTo(kind.name());
        assertThat(direction.window()).isNotNegative();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void piecesOfAnyLengthAtAnyPlaceMakeTheWhole(Kind<Direction> kind, @Seed long seed) {
        Random random = new Random(seed);
        streams(kind)
                .forEach((name, stream) -> {
                    for (int round = 0; round < 40; round++) {
                        pieces(name + ", seed " + seed, stream, random);
                    }
                });
    }

    private static void pieces(String what, Stream stream, Random random) {
        long seed = random.nextLong();
        int tensorId = random.nextInt(1000);
        long begin = random.nextBoolean() ? random.nextInt(300) : random.nextLong(1L << 40);
        int count = 1 + random.nextInt(MOST);
        float[] whole = new float[count];
        stream.fill(seed, tensorId, begin, whole, 0, count);

        int offset = random.nextInt(70);
        float[] pieced = new float[offset + count + random.nextInt(40)];
        Arrays.fill(pieced, POISON);
        int longest = 1 + random.nextInt(MOST);
        for (int at = 0; at < count; ) {
            int piece = Math.min(count - at, random.nextInt(longest + 1));
            stream.fill(seed, tensorId, begin + at, pieced, offset + at, piece);
            at += piece;
        }

        float[] expected = new float[pieced.length];
        Arrays.fill(expected, POISON);
        System.arraycopy(whole, 0, expected, offset, count);
        assertThat(Arrays.mismatch(pieced, expected)).as(what).isEqualTo(-1);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void valuesAreOfTheSeedAndTheTensorAndOfNothingElse(Kind<Direction> kind, @Seed long seed) {
        Map<String, Stream> streams = streams(kind);
        Map<String, Stream> again = streams(kind);
        for (String name : streams.keySet()) {
            float[] values = values(streams.get(name), seed, 3);
            assertThat(values(again.get(name), seed, 3)).as(name).isEqualTo(values);
            assertThat(values(streams.get(name), seed, 4)).as(name).isNotEqualTo(values);
            assertThat(values(streams.get(name), seed + 1, 3)).as(name).isNotEqualTo(values);
            double sum = 0;
            double squares = 0;
            for (float value : values) {
                sum += value;
                squares += value * (double) value;
            }
            // Six standard errors: of unit variance, as the step's size takes it to be.
            assertThat(sum / values.length).as(name).isBetween(-0.1, 0.1);
            assertThat(squares / values.length).as(name).isBetween(0.85, 1.15);
        }
    }

    private static float[] values(Stream stream, long seed, int tensorId) {
        float[] values = new float[4096];
        stream.fill(seed, tensorId, 0, values, 0, values.length);
        return values;
    }
}
