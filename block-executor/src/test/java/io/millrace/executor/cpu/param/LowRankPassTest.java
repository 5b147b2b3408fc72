package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.random.GaussianScalar;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.random.StreamIds;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The factors and the pass of a low-rank direction, bit for bit as docs/arithmetic.md has them. */
class LowRankPassTest {
    private static final int TENSOR = 5;
    private static final int ROWS = 13;
    private static final int COLUMNS = 21;
    private static final int WINDOW = 6;
    private static final int FOLD_EVERY = 3;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @ParameterizedTest
    @CsvSource({
        "1, F32, NEAREST, false, false",
        "2, BF16, NEAREST, false, true",
        "3, F16, STOCHASTIC, false, false",
        "2, BF16, STOCHASTIC, true, false",
        "4, F32, NEAREST, true, false",
        "3, F32, NEAREST, true, true"
    })
    void foldsAndShowsWhatTheScalarsSay(
            int rank, DType dtype, Rounding rounding, boolean withMomentum, boolean byFactor) {
        LowRankDirection direction = new LowRankDirection(random.nextLong(), rank, WINDOW);
        List<Update> updates = updates(8, withMomentum, byFactor);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment left = floats(arena, ROWS * rank);
            Optional<MemorySegment> momentum =
                    withMomentum ? Optional.of(floats(arena, ROWS * rank)) : Optional.empty();
            FactorTrack track =
                    FactorTrack.ofMatrix(
                            direction, FOLD_EVERY, TENSOR, ROWS, COLUMNS, left, momentum);
            move(track, updates, 8, rank);
            float[] expectedLeft = left(direction, updates, withMomentum);
            assertBits(left, expectedLeft, "L");

            MemorySegment right = floats(arena, COLUMNS * rank);
            new FactorKernels(rank).right(track, 8, 0, COLUMNS, right);
            // Of steps 7 and 8: the product of two factors, or E after both.
            Decay decay =
                    byFactor
                            ? new Decay((double) (float) 0.97 * (float) 0.97, 0)
                            : new Decay(1, -0.03 - 0.03 * (1 - 0.03));
            assertThat(track.decay()).as("seed %d", seed).isEqualTo(decay);
            Query query = new Query(random.nextLong(), List.of(1e-3f, -1e-3f));
            Decay side = byFactor ? Decay.byFactor(0.5) : Decay.of(0.5);
            LowRankPlan plan =
                    new LowRankPlan(
                            COLUMNS,
                            Optional.of(
                                    new LowRankPlan.Fold(
                                            decay,
                                            side(track, List.of()),
                                            right,
                                            updates.get(7).seed(),
                                            true)),
                            Optional.of(
                                    new LowRankPlan.Side(
                                            side, side(track, List.of(query)), right)));
            StoredTensor tensor = stored(arena, dtype);
            float[] before = read(tensor);
            float[][] seen = run(arena, tensor, plan, rank, rounding);
            float[] after = read(tensor);
            for (int element = 0; element < ROWS * COLUMNS; element++) {
                int row = element / COLUMNS;
                int column = element % COLUMNS;
                float p = begin(decay, before[element]);
                for (int j = 0; j < rank; j++) {
                    float factor = expectedLeft[row * rank + j] * direction.scale();
                    p = Math.fma(factor, v(direction, 8, column, j), p);
                }
                p = end(decay, before[element], p);
                p = ScalarOracle.round(p, tensor, rounding, updates.get(7).seed(), element);
                assertThat(after[element]).as("seed %d, stored %d", seed, element).isEqualTo(p);
                for (int scale = 0; scale < 2; scale++) {
                    float q = begin(side, p);
                    for (int j = 0; j < rank; j++) {
                        float u = value(StreamIds.LOW_RANK_U, query.seed(), row * rank + j);
                        float sum =
                                Math.fma(
                                        query.scales().get(scale), u, expectedLeft[row * rank + j]);
                        q = Math.fma(sum * direction.scale(), v(direction, 8, column, j), q);
                    }
                    q = end(side, p, q);
                    assertThat(seen[scale][element])
                            .as("seed %d, scale %d, element %d", seed, scale, element)
                            .isEqualTo(q);
                }
            }
            checkSides(arena, track, query, expectedLeft);
        }
    }

    private static float begin(Decay decay, float p) {
        return decay.adds() ? decay.added() * p : p * decay.scale();
    }

    private static float end(Decay decay, float p, float sum) {
        return decay.adds() ? p + sum : sum;
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void anyWayToAStepMakesTheSameFactors(boolean withMomentum) {
        int rank = 2;
        LowRankDirection direction = new LowRankDirection(random.nextLong(), rank, WINDOW);
        List<Update> updates = updates(20, withMomentum, false);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment left = floats(arena, ROWS * rank);
            Optional<MemorySegment> momentum =
                    withMomentum ? Optional.of(floats(arena, ROWS * rank)) : Optional.empty();
            FactorTrack track =
                    FactorTrack.ofMatrix(
                            direction, FOLD_EVERY, TENSOR, ROWS, COLUMNS, left, momentum);
            List<float[]> stepByStep = new ArrayList<>();
            for (int step = 1; step <= 20; step++) {
                move(track, updates, step, rank);
                stepByStep.add(left.toArray(ValueLayout.JAVA_FLOAT));
            }
            for (int step : new int[] {20, 3, 4, 12, 13, 7, 19, 1}) {
                move(track, updates, step, rank);
                assertBits(left, stepByStep.get(step - 1), "step " + step);
            }
        }
    }

    /** Rows in pieces and in any order, as workers take them. */
    private void move(FactorTrack track, List<Update> updates, int step, int rank) {
        FactorKernels kernels = new FactorKernels(rank);
        track.aim(step);
        while (track.step() < step) {
            FactorTrack.Leg leg = track.leg(updates.subList((int) track.step(), step), kernels);
            int cut = 1 + random.nextInt(ROWS - 1);
            kernels.advance(track, leg, cut, ROWS);
            kernels.advance(track, leg, 0, cut);
            track.complete(leg);
        }
    }

    private float[] left(LowRankDirection direction, List<Update> updates, boolean withMomentum) {
        int rank = direction.rank();
        float[] left = new float[ROWS * rank];
        float[] momentum = new float[ROWS * rank];
        for (Update update : updates) {
            if (withMomentum && update.step() == WINDOW + 1) {
                momentum = projected(direction, momentum);
            }
            for (int e = 0; e < left.length; e++) {
                float before = (update.step() - 1) % FOLD_EVERY == 0 ? 0 : left[e];
                float sum = begin(update.decay(), before);
                if (withMomentum) {
                    Update.Momentum rule = update.momentum().orElseThrow();
                    momentum[e] = momentum[e] * rule.beta();
                    for (Update.Term term : rule.slopes()) {
                        float u = value(StreamIds.LOW_RANK_U, term.seed(), e);
                        momentum[e] = Math.fma(term.coefficient(), u, momentum[e]);
                    }
                    sum = Math.fma(rule.rate(), momentum[e], sum);
                } else {
                    for (Update.Term term : update.terms()) {
                        float u = value(StreamIds.LOW_RANK_U, term.seed(), e);
                        sum = Math.fma(term.coefficient(), u, sum);
                    }
                }
                left[e] = end(update.decay(), before, sum);
            }
        }
        return left;
    }

    private static float[] projected(LowRankDirection direction, float[] momentum) {
        int rank = direction.rank();
        float[] result = new float[momentum.length];
        for (int row = 0; row < ROWS; row++) {
            for (int l = 0; l < rank; l++) {
                float sum = 0;
                for (int j = 0; j < rank; j++) {
                    double dot = 0;
                    for (int c = 0; c < COLUMNS; c++) {
                        dot += (double) v(direction, WINDOW, c, j) * v(direction, WINDOW + 1, c, l);
                    }
                    float factor = (float) (dot / COLUMNS);
                    float n = momentum[row * rank + j];
                    sum = j == 0 ? n * factor : Math.fma(n, factor, sum);
                }
                result[row * rank + l] = sum;
            }
        }
        return result;
    }

    private static LeftSide side(FactorTrack track, List<Query> queries) {
        return track.side(true, Optional.empty(), Optional.empty(), queries);
    }

    private void checkSides(Arena arena, FactorTrack track, Query query, float[] left) {
        LowRankDirection direction = (LowRankDirection) track.direction();
        int rank = direction.rank();
        MemorySegment sides = floats(arena, 2 * rank * ROWS);
        FactorKernels kernels = new FactorKernels(rank);
        kernels.sides(side(track, List.of(query)), ROWS, 0, 4, sides);
        kernels.sides(side(track, List.of(query)), ROWS, 4, ROWS, sides);
        for (int scale = 0; scale < 2; scale++) {
            for (int j = 0; j < rank; j++) {
                for (int row = 0; row < ROWS; row++) {
                    float u = value(StreamIds.LOW_RANK_U, query.seed(), row * rank + j);
                    float sum = Math.fma(query.scales().get(scale), u, left[row * rank + j]);
                    long at = ((long) scale * rank + j) * ROWS + row;
                    assertThat(sides.getAtIndex(ValueLayout.JAVA_FLOAT, at))
                            .as("seed %d, scale %d, factor %d, row %d", seed, scale, j, row)
                            .isEqualTo(sum * direction.scale());
                }
            }
        }
    }

    /** Passes over the matrix in two cuts that are not whole rows, and again by columns. */
    private float[][] run(
            Arena arena, StoredTensor tensor, LowRankPlan plan, int rank, Rounding rounding) {
        int elements = ROWS * COLUMNS;
        LowRankPass pass = new LowRankPass(rank, rounding);
        StoredTensor copy = stored(arena, tensor.dtype());
        MemorySegment.copy(tensor.bytes(), 0, copy.bytes(), 0, tensor.bytes().byteSize());
        MemorySegment before = arena.allocate(tensor.bytes().byteSize()).copyFrom(tensor.bytes());
        MemorySegment[] outputs = {floats(arena, elements), floats(arena, elements)};
        int cut = random.nextInt(elements);
        long bytes = (long) cut * Float.BYTES;
        pass.range(tensor, plan, cut, elements - cut, outputs, new long[] {bytes, bytes});
        pass.range(tensor, plan, 0, cut, outputs, new long[2]);

        MemorySegment[] columns = {floats(arena, elements), floats(arena, elements)};
        int split = 1 + random.nextInt(COLUMNS - 1);
        pass.columns(copy, plan, 0, split, columns, new long[2]);
        long rest = (long) ROWS * split * Float.BYTES;
        pass.columns(copy, plan, split, COLUMNS - split, columns, new long[] {rest, rest});
        assertThat(copy.bytes().mismatch(tensor.bytes())).as("seed %d", seed).isEqualTo(-1);
        MemorySegment[] rounded = {floats(arena, elements), floats(arena, elements)};
        StoredTensor again = stored(arena, tensor.dtype());
        MemorySegment.copy(before, 0, again.bytes(), 0, before.byteSize());
        pass.writing(DType.BF16).range(again, plan, 0, elements, rounded, new long[2]);
        float[][] seen = new float[2][];
        for (int scale = 0; scale < 2; scale++) {
            seen[scale] = outputs[scale].toArray(ValueLayout.JAVA_FLOAT);
            MemorySegment expected = arena.allocate((long) elements * Short.BYTES);
            BFloat16.round(outputs[scale], 0, expected, 0, elements);
            assertThat(rounded[scale].asSlice(0, expected.byteSize()).mismatch(expected))
                    .as("seed %d", seed)
                    .isEqualTo(-1);
            for (int element = 0; element < elements; element++) {
                int row = element / COLUMNS;
                int column = element % COLUMNS;
                long at =
                        column < split
                                ? (long) row * split + column
                                : (long) ROWS * split
                                        + (long) row * (COLUMNS - split)
                                        + column
                                        - split;
                assertThat(columns[scale].getAtIndex(ValueLayout.JAVA_FLOAT, at))
                        .as("seed %d, scale %d, element %d", seed, scale, element)
                        .isEqualTo(seen[scale][element]);
            }
        }
        return seen;
    }

    private List<Update> updates(int count, boolean withMomentum, boolean byFactor) {
        Decay decay = byFactor ? Decay.byFactor(0.03) : Decay.of(0.03);
        List<Update> updates = new ArrayList<>();
        for (int step = 1; step <= count; step++) {
            List<Update.Term> terms =
                    List.of(
                            new Update.Term(random.nextLong(), (float) random.nextGaussian()),
                            new Update.Term(random.nextLong(), (float) random.nextGaussian()));
            Optional<Update.Momentum> momentum =
                    withMomentum
                            ? Optional.of(new Update.Momentum(0.8f, -0.01f, terms))
                            : Optional.empty();
            updates.add(
                    new Update(step, random.nextLong(), decay, terms, momentum, Optional.empty()));
        }
        return updates;
    }

    private StoredTensor stored(Arena arena, DType dtype) {
        int elements = ROWS * COLUMNS;
        MemorySegment bytes = arena.allocate((long) elements * dtype.sizeBytes(), 64);
        float[] values = new float[elements];
        for (int i = 0; i < elements; i++) {
            values[i] = (float) random.nextGaussian();
        }
        new StorageCodec(elements).store(bytes, 0, dtype, values, 0, elements);
        return new StoredTensor(bytes, 0, dtype, TENSOR, elements, false);
    }

    private static float[] read(StoredTensor tensor) {
        int elements = (int) tensor.elements();
        float[] values = new float[elements];
        new StorageCodec(elements).load(tensor.bytes(), 0, tensor.dtype(), values, 0, elements);
        return values;
    }

    private static float v(LowRankDirection direction, long step, int column, int j) {
        long first = (step - 1) / WINDOW * WINDOW + 1;
        long seed = SplitMix64.output(direction.runSeed(), first);
        return value(StreamIds.LOW_RANK_V, seed, column * direction.rank() + j);
    }

    private static float value(int stream, long seed, long element) {
        return GaussianScalar.value(stream, seed, TENSOR, element);
    }

    private static MemorySegment floats(Arena arena, int count) {
        MemorySegment memory = arena.allocate(ValueLayout.JAVA_FLOAT, count);
        for (int i = 0; i < count; i++) {
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.NaN);
        }
        return memory;
    }

    private void assertBits(MemorySegment actual, float[] expected, String what) {
        assertThat(actual.toArray(ValueLayout.JAVA_FLOAT))
                .as("seed %d, %s", seed, what)
                .isEqualTo(expected);
    }
}
