package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.mask.BaseWeights;
import io.millrace.optim.mask.ElementMask;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A mask by magnitude that kernels have in passing, beside one that clears z first. */
class MaskInPassingTest {
    private static final int ELEMENTS = 5003; // more than a tile, and no whole vectors

    @Test
    void hasTheBitsOfOneThatClearsZ() {
        long testSeed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(testSeed);
        float[] base = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            base[i] = i % 50 == 0 ? (i % 100 == 0 ? 0f : -0f) : (float) random.nextGaussian();
        }
        ElementMask passing = magnitude(base);
        ElementMask clearing = new Clearing(passing);
        for (int steps : new int[] {1, 3, 4}) {
            List<Update> updates =
                    List.of(
                            update(1, Decay.NONE, random, 1),
                            update(2, Decay.byFactor(1e-3), random, 1),
                            update(3, Decay.of(1e-3), random, 1),
                            update(4, Decay.NONE, random, 2));
            PendingUpdates pending = PendingUpdates.of(0, 1, updates.subList(0, steps));
            Query query = new Query(random.nextLong(), List.of(1e-2f, -1e-2f));
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment[] first = run(arena, passing, base, pending, query);
                MemorySegment[] other = run(arena, clearing, base, pending, query);
                for (int i = 0; i < first.length; i++) {
                    assertThat(first[i].mismatch(other[i]))
                            .as("memory %d, test seed %d", i, testSeed)
                            .isEqualTo(-1);
                }
                assertThat(first[1].mismatch(first[2])).isNotEqualTo(-1);
            }
        }
    }

    /** One that no kernel knows. */
    private record Clearing(ElementMask mask) implements ElementMask {
        @Override
        public void apply(
                long step,
                int tensorId,
                long firstElement,
                float[] p,
                float[] z,
                int offset,
                int count) {
            mask.apply(step, tensorId, firstElement, p, z, offset, count);
        }
    }

    /** What is stored, and both signs. */
    private static MemorySegment[] run(
            Arena arena, ElementMask mask, float[] base, PendingUpdates pending, Query query) {
        MemorySegment stored = arena.allocateFrom(ValueLayout.JAVA_FLOAT, base);
        MemorySegment plus = arena.allocate(stored.byteSize()).fill((byte) 0x5B);
        MemorySegment minus = arena.allocate(stored.byteSize()).fill((byte) 0x5B);
        new ParameterPass(new GaussianDirection(), Optional.of(mask), Rounding.NEAREST)
                .range(
                        new StoredTensor(stored, 0, DType.F32, 0, ELEMENTS, false),
                        PassPlan.querying(pending, true, query),
                        0,
                        ELEMENTS,
                        new MemorySegment[] {plus, minus},
                        new long[2]);
        return new MemorySegment[] {stored, plus, minus};
    }

    private static Update update(long step, Decay decay, Random random, int terms) {
        return new Update(
                step,
                random.nextLong(),
                decay,
                random.longs(terms)
                        .mapToObj(seed -> new Update.Term(seed, (float) random.nextGaussian() / 9))
                        .toList());
    }

    private static ElementMask magnitude(float[] values) {
        BaseWeights base =
                new BaseWeights() {
                    @Override
                    public List<Tensor> tensors() {
                        return List.of(new Tensor("w", 0, List.of((long) values.length)));
                    }

                    @Override
                    public void read(Tensor tensor, Reader reader) {
                        reader.take(values, values.length);
                    }

                    @Override
                    public Map<String, long[]> lists(Path path) {
                        return Map.of();
                    }
                };
        return Masks.KINDS.make("magnitude", Settings.NONE.with(Masks.DENSITY, 0.37), 0).over(base);
    }
}
