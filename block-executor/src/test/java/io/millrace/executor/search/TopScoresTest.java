package io.millrace.executor.search;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TopScoresTest {
    private static final int COUNT = 5000;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    /** Against a sort of all; few values, so that most are ties. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 500, 2499, 2500, 4999, 5000, 9000})
    void keepsTheHighestAndOfEqualsTheFirst(int keep) {
        int values = 1 + random.nextInt(2000);
        float[] scores = new float[COUNT];
        for (int i = 0; i < COUNT; i++) {
            scores[i] = random.nextInt(values);
        }
        long[] expected =
                IntStream.range(0, COUNT)
                        .boxed()
                        .sorted(
                                Comparator.comparingDouble((Integer i) -> -scores[i])
                                        .thenComparing(i -> i))
                        .limit(keep)
                        .mapToLong(i -> 100L + i)
                        .sorted()
                        .toArray();
        TopScores top = new TopScores(keep);
        float[] piece = new float[64];
        for (int from = 0; from < COUNT; ) {
            int count = Math.min(COUNT - from, 1 + random.nextInt(piece.length));
            System.arraycopy(scores, from, piece, 0, count);
            top.take(100L + from, piece, count);
            from += count;
        }
        assertThat(top.places()).as("%d values, seed %d", values, seed).isEqualTo(expected);
        float least = Float.POSITIVE_INFINITY;
        for (long place : expected) {
            least = Math.min(least, scores[(int) place - 100]);
        }
        assertThat(top.least()).isEqualTo(least);
    }
}
