package io.millrace.model.text;

import static io.millrace.model.text.Fixtures.randomIds;
import static io.millrace.model.text.Fixtures.seed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.memory.BadInputException;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextStreamTest {

    @RepeatedTest(30)
    void putsEveryTokenIntoOneWindowInOrder() {
        long seed = seed();
        Random random = new Random(seed);
        int[] tokens = randomIds(random, 2 + random.nextInt(200), 1000);
        int window = 2 + random.nextInt(40);
        TextStream stream = new TextStream(DataKind.PLAIN_TEXT, tokens, window);
        int[] joined = joined(stream);
        int leftOut = tokens.length % window == 1 ? 1 : 0;
        assertThat(joined)
                .as("seed %d", seed)
                .isEqualTo(Arrays.copyOf(tokens, tokens.length - leftOut));
        for (Example example : stream.examples()) {
            assertThat(example.length()).as("seed %d", seed).isBetween(2, window);
            assertThat(example.scoredTokens()).as("seed %d", seed).isEqualTo(example.length() - 1);
        }
        for (Example example : stream.examples().subList(0, stream.examples().size() - 1)) {
            assertThat(example.length()).as("seed %d", seed).isEqualTo(window);
        }
    }

    @Test
    void holdsOutTheLastTokensWhateverTheWindows() {
        int[] tokens = IntStream.range(0, 95).toArray();
        Dataset.Split split = new TextStream(DataKind.PLAIN_TEXT, tokens, 10).split(0.1);
        assertThat(joined(split.train())).containsExactly(IntStream.range(0, 86).toArray());
        assertThat(joined(split.heldOut())).containsExactly(IntStream.range(86, 95).toArray());
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 1, -0.5, 2, Double.NaN, 0.0001, 0.999})
    void refusesAShareThatLeavesNothing(double share) {
        TextStream stream = new TextStream(DataKind.PLAIN_TEXT, new int[100], 10);
        assertThatExceptionOfType(BadInputException.class).isThrownBy(() -> stream.split(share));
    }

    private static int[] joined(Dataset dataset) {
        return dataset.examples().stream().flatMapToInt(e -> IntStream.of(e.ids())).toArray();
    }

    /** As in the recipe that perplexities are published by: each token but the first once. */
    @Test
    void movesAWindowInSteps() {
        long seed = seed();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int[] tokens = randomIds(random, 2 + random.nextInt(40), 100);
            int window = 2 + random.nextInt(12);
            int stride = 1 + random.nextInt(window - 1);
            TextStream stream = new TextStream(DataKind.PLAIN_TEXT, tokens, window);
            int scored = 1;
            int from = 0;
            for (Example example : stream.strided(stride).examples()) {
                String what = "seed " + seed + ", round " + round;
                int to = Math.min(tokens.length, from + window);
                assertThat(example.ids()).as(what).isEqualTo(Arrays.copyOfRange(tokens, from, to));
                for (int i = 0; i < example.length(); i++) {
                    boolean counts = example.labels()[i] != Example.NOT_SCORED;
                    assertThat(counts).as(what).isEqualTo(from + i >= scored);
                }
                scored = to;
                from += stride;
            }
            assertThat(scored).isEqualTo(tokens.length);
        }
    }
}
