package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.random.GaussianScalar;
import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.random.StreamIds;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Decay that is small beside the distance from a weight to its neighbours still takes its share of
 * the norm. Steps move a weight by some 1e-5 at random, as those of a run do, and the norm is
 * compared with what the same steps make of it without decay. What bfloat16 loses below 1e-6 would
 * show in more weights only: each of them jumps by 1/256 of itself or not at all.
 */
class SmallDecayTest {
    private static final int STEPS = 200;
    private static final int SEED = 11;

    @ParameterizedTest
    @CsvSource({
        "F32, NEAREST, 131072, 1e-9",
        "F32, NEAREST, 131072, 1e-7",
        "F32, NEAREST, 131072, 1e-5",
        "F32, NEAREST, 131072, 1e-2",
        "BF16, STOCHASTIC, 262144, 1e-6",
        "BF16, STOCHASTIC, 131072, 1e-5",
        "BF16, STOCHASTIC, 131072, 1e-2",
    })
    void takesItsShareOfTheNorm(DType dtype, Rounding rounding, int elements, double part) {
        double without = norm(dtype, rounding, elements, Decay.NONE);
        double lost = 1 - norm(dtype, rounding, elements, Decay.of(part)) / without;
        assertThat(lost / (1 - Math.pow(1 - part, STEPS)))
                .as("share of what should be lost")
                .isCloseTo(1, within(0.1));
    }

    private static double norm(DType dtype, Rounding rounding, int elements, Decay decay) {
        List<Update> updates = new ArrayList<>();
        for (int step = 1; step <= STEPS; step++) {
            long seed = SplitMix64.output(SEED, step);
            float slope = GaussianScalar.value(StreamIds.DENSE_Z, SEED, 1, step);
            Update.Term term = new Update.Term(seed, 1e-5f * slope);
            updates.add(new Update(step, seed, decay, List.of(term)));
        }
        float[] values = new float[elements];
        GaussianStream.fill(StreamIds.DENSE_Z, SEED, 2, 0, values, 0, elements);
        StorageCodec codec = new StorageCodec(elements);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((long) elements * dtype.sizeBytes(), 64);
            codec.store(bytes, 0, dtype, values, 0, elements);
            StoredTensor tensor = new StoredTensor(bytes, 0, dtype, 3, elements, false);
            PassPlan fold = PassPlan.reading(PendingUpdates.of(0, 1, updates), true);
            new ParameterPass(Directions.dense("gaussian"), rounding)
                    .range(tensor, fold, 0, elements, new MemorySegment[0], new long[0]);
            codec.load(bytes, 0, dtype, values, 0, elements);
        }
        double sum = 0;
        for (float value : values) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum);
    }
}
