package io.millrace.executor.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.optim.estimate.Questions;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScratchSizeTest {
    private static final int MOST = Integer.MAX_VALUE;

    @ParameterizedTest
    @CsvSource({
        "2000000, 2000000, 2048, 1, --batch-size",
        "2000000, 1, 2048, 1, --batch-size",
        "2147483647, 2147483647, 2147483647, 1, --batch-size",
        "2147483647, 1, 1, 1, --batch-size",
        "1, 1, 2147483647, 1, --batch-size",
        "16, 16, 2048, 2147483647, --queries",
        "16, 4, 2048, 1000000, --queries"
    })
    void refusesMoreRowsThanCanBeNumbered(
            int sequences, int each, int longest, int queries, String option) {
        assertThatThrownBy(() ->
                        ScratchSize.batches(sequences, each, longest, Questions.each(queries, 2)))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(option + ": ");
    }

    @Test
    void isExactOrRefusedWhateverIsAskedFor() {
        long seed = Long.getLong("test.seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 100_000; round++) {
            int sequences = number(random);
            int each = 1 + random.nextInt(sequences);
            int longest = number(random);
            int queries = number(random) / 2 + 1;
            try {
                ScratchSize size =
                        ScratchSize.batches(sequences, each, longest, Questions.each(queries, 2));
                assertThat(size.microBatchRows())
                        .as("seed %d", seed)
                        .isGreaterThanOrEqualTo(Math.multiplyExact(each, longest));
                assertThat(size.batchRows())
                        .isGreaterThanOrEqualTo(Math.multiplyExact(sequences, longest));
                assertThat(size.scales()).isEqualTo(2 * queries);
            } catch (BadInputException e) {
                assertThat((double) sequences * longest * queries).isGreaterThan(MOST / 64.0);
            }
        }
    }

    private static int number(SplittableRandom random) {
        return random.nextInt(1, 1 << random.nextInt(1, 31));
    }
}
