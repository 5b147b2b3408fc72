package io.millrace.optim.mask;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.option.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MasksTest {
    private static final int ELEMENTS = 5003;
    private static final int TENSOR = 3;

    /** A few by themselves, some in a row, both ends. */
    private static final long[] LISTED = {0, 1, 2, 3, 4, 5, 9, 130, 131, 2000, 4099, 5002};

    private static final long[] DENSE = LongStream.range(0, ELEMENTS).toArray();

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    private static MaskRule rule(String name, double density) {
        return Masks.KINDS.make(name, Settings.NONE.with(Masks.DENSITY, density), 42);
    }

    /** Many sizes, ties among them, zeros of both signs. */
    private float[] values() {
        float[] values = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            values[i] =
                    switch (random.nextInt(5)) {
                        case 0 -> Math.scalb((float) random.nextGaussian(), -130);
                        case 1 -> random.nextBoolean() ? 0f : -0f;
                        case 2 -> random.nextInt(9) / 8f;
                        default -> (float) random.nextGaussian() * 0.02f;
                    };
        }
        return values;
    }

    private record Base(float[] values) implements BaseWeights {
        @Override
        public List<Tensor> tensors() {
            return List.of(new Tensor("w", TENSOR, List.of((long) values.length)));
        }

        @Override
        public void read(Tensor tensor, Reader reader) {
            reader.take(values, 1000);
            float[] rest = Arrays.copyOfRange(values, 1000, values.length);
            reader.take(rest, rest.length);
        }

        @Override
        public Map<String, long[]> lists(Path file) {
            return Map.of("w.indices", Files.exists(file) ? DENSE : LISTED);
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-9, 0.1, 0.25, 0.5, 0.999})
    void magnitudeKeepsWhatIsNotAboveTheValueOfItsRank(double density) {
        float[] p = values();
        float[] sizes = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            sizes[i] = Math.abs(p[i]);
        }
        Arrays.sort(sizes);
        float threshold = sizes[(int) Math.max(1, Math.ceil(density * ELEMENTS)) - 1];
        float[] z = ones();
        rule("magnitude", density).over(new Base(p)).apply(1, TENSOR, 0, p, z, 0, ELEMENTS);
        for (int i = 0; i < ELEMENTS; i++) {
            assertThat(z[i])
                    .as("element %d, seed %d", i, seed)
                    .isEqualTo(Math.abs(p[i]) <= threshold ? 1f : 0f);
        }
    }

    @Test
    void randomKeepsItsShareAnewInEachStepHoweverATensorIsCut() {
        ElementMask mask = rule("random", 0.25).over(new Base(values()));
        float[] all = ones();
        mask.apply(7, TENSOR, 0, all, all, 0, ELEMENTS);
        float[] parts = ones();
        int cut = random.nextInt(ELEMENTS);
        mask.apply(7, TENSOR, cut, parts, parts, cut, ELEMENTS - cut);
        mask.apply(7, TENSOR, 0, parts, parts, 0, cut);
        assertThat(parts).as("cut at %d", cut).isEqualTo(all);
        float[] next = ones();
        mask.apply(8, TENSOR, 0, next, next, 0, ELEMENTS);
        assertThat(next).isNotEqualTo(all);
        double kept = 0;
        for (float value : all) {
            kept += value / ELEMENTS;
        }
        assertThat(kept).isCloseTo(0.25, within(0.03));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gaussian", "rademacher"})
    void indicesKeepTheOrdinaryZAndNothingElse(String name) {
        DenseDirection direction = Directions.dense(name);
        float[] all = new float[ELEMENTS];
        direction.fill(17, TENSOR, 0, all, 0, ELEMENTS);
        for (Path file : List.of(Path.of("none"), Path.of("."))) {
            float[] expected = new float[ELEMENTS];
            for (long index : Files.exists(file) ? DENSE : LISTED) {
                expected[(int) index] = all[(int) index];
            }
            ElementMask mask =
                    Masks.KINDS
                            .make("indices", Settings.NONE.with(Masks.FILE, file), 42)
                            .over(new Base(all));
            float[] cleared = all.clone();
            mask.apply(3, TENSOR, 0, all, cleared, 0, ELEMENTS);
            assertThat(cleared).isEqualTo(expected);
            float[] parts = ones();
            int cut = random.nextInt(ELEMENTS);
            mask.fill(direction::fill, 17, 3, TENSOR, cut, all, parts, cut, ELEMENTS - cut);
            mask.fill(direction::fill, 17, 3, TENSOR, 0, all, parts, 0, cut);
            assertThat(parts).as("cut at %d", cut).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "."})
    void tilesHaveWhatTheirPiecesHave(String file) {
        DenseDirection direction = Directions.dense("gaussian");
        ElementMask mask =
                Masks.KINDS
                        .make("indices", Settings.NONE.with(Masks.FILE, Path.of(file)), 42)
                        .over(new Base(values()));
        for (int round = 0; round < 200; round++) {
            int stride = 1 + random.nextInt(90);
            int width = 1 + random.nextInt(stride);
            int pieces = 1 + random.nextInt(ELEMENTS / stride - 1);
            int first = random.nextInt(ELEMENTS - (pieces - 1) * stride - width + 1);
            float[] expected = new float[pieces * width];
            for (int i = 0; i < pieces; i++) {
                long element = first + (long) i * stride;
                mask.fill(
                        direction::fill,
                        17,
                        3,
                        TENSOR,
                        element,
                        expected,
                        expected,
                        i * width,
                        width);
            }
            float[] z = new float[pieces * width];
            Arrays.fill(z, 5f);
            ElementMask.Tile tile = new ElementMask.Tile().at(first, stride, pieces, width);
            mask.fill(direction::fill, 17, 3, TENSOR, tile, z, z);
            assertThat(z).as("seed %d, round %d", seed, round).isEqualTo(expected);
        }
    }

    /** A step over a large tensor of which little is listed asks for that little. */
    @Test
    void indicesAskForNoMoreZThanTheyKeep() {
        ElementMask mask =
                Masks.KINDS
                        .make("indices", Settings.NONE.with(Masks.FILE, Path.of("none")), 42)
                        .over(new Base(values()));
        AtomicLong asked = new AtomicLong();
        float[] z = ones();
        mask.fill(
                (_, _, _, _, _, count) -> asked.addAndGet(count),
                17,
                3,
                TENSOR,
                0,
                z,
                z,
                0,
                ELEMENTS);
        assertThat(asked).hasValue(LISTED.length);
    }

    @Test
    void allOfThemIsNoMask() {
        assertThat(rule("magnitude", 1).isWhole()).isTrue();
        assertThat(rule("random", 1).isWhole()).isTrue();
        assertThat(rule("random", 0.5).isWhole()).isFalse();
        assertThat(Masks.KINDS.make("none", Settings.NONE, 0).isWhole()).isTrue();
    }

    private static float[] ones() {
        float[] ones = new float[ELEMENTS];
        Arrays.fill(ones, 1f);
        return ones;
    }
}
