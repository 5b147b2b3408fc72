package io.millrace.model.text;

import static io.millrace.model.text.Fixtures.seed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class BatchSamplerTest {

    @Test
    void goesThroughTheFileInOrderAndWraps() {
        BatchSampler sampler = new BatchSampler(5, 2, BatchSampler.Shuffle.NONE);
        assertThat(sampler.indices(1)).containsExactly(0, 1);
        assertThat(sampler.indices(2)).containsExactly(2, 3);
        assertThat(sampler.indices(3)).containsExactly(4, 0);
        assertThat(sampler.indices(4)).containsExactly(1, 2);
    }

    @Test
    void fillsABatchThatIsLargerThanTheData() {
        BatchSampler sampler = new BatchSampler(2, 5, BatchSampler.Shuffle.NONE);
        assertThat(sampler.indices(1)).containsExactly(0, 1, 0, 1, 0);
        assertThat(sampler.indices(2)).containsExactly(1, 0, 1, 0, 1);
    }

    @RepeatedTest(20)
    void showsEveryExampleOnceAnEpochInTheShufflesOrder() {
        long seed = seed();
        Random random = new Random(seed);
        int n = 1 + random.nextInt(12);
        int batchSize = 1 + random.nextInt(15);
        BatchSampler.Shuffle shuffle = (size, epoch) -> permutation(size, seed + epoch);
        BatchSampler sampler = new BatchSampler(n, batchSize, shuffle);
        List<Integer> seen = new ArrayList<>();
        int epochs = 4;
        for (long step = 1; seen.size() < epochs * n; step++) {
            IntStream.of(sampler.indices(step)).forEach(seen::add);
        }
        for (int epoch = 0; epoch < epochs; epoch++) {
            int[] part =
                    seen.subList(epoch * n, (epoch + 1) * n).stream()
                            .mapToInt(Integer::intValue)
                            .toArray();
            assertThat(part).as("seed %d", seed).isEqualTo(permutation(n, seed + epoch));
        }
        long step = random.nextLong(1, 21);
        int[] again = new BatchSampler(n, batchSize, shuffle).indices(step);
        assertThat(sampler.indices(step)).as("seed %d", seed).isEqualTo(again);
    }

    @Test
    void reachesStepsFarAway() {
        BatchSampler sampler = new BatchSampler(3, 4, BatchSampler.Shuffle.NONE);
        long step = 1L << 40;
        int first = (int) ((step - 1) * 4 % 3);
        assertThat(sampler.indices(step)[0]).isEqualTo(first);
    }

    @Test
    void refusesWhatHasNoBatch() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BatchSampler(0, 1, BatchSampler.Shuffle.NONE));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BatchSampler(1, 0, BatchSampler.Shuffle.NONE));
        BatchSampler sampler = new BatchSampler(1, 1, BatchSampler.Shuffle.NONE);
        assertThatIllegalArgumentException().isThrownBy(() -> sampler.indices(0));
        assertThatIllegalStateException()
                .isThrownBy(() -> new BatchSampler(2, 1, (n, epoch) -> new int[3]));
    }

    private static int[] permutation(int n, long seed) {
        List<Integer> order = new ArrayList<>(IntStream.range(0, n).boxed().toList());
        Collections.shuffle(order, new Random(seed));
        return order.stream().mapToInt(Integer::intValue).toArray();
    }
}
