package io.millrace.executor.cpu.gradient.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.executor.cpu.op.Memory;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AttentionGradientTest {
    private static final int[] LENGTHS = {1, 5, 64, 65, 200};
    private static final int ALL = Integer.MAX_VALUE;

    // Of the largest of a head's gradients: what float32 sums over 200 keys and four heads leave.
    private static final double BOUND = 1e-5;

    /** One for sequences of up to so many tokens. */
    static AttentionGradient kernel(int longest) {
        long bytes = AttentionGradient.tileFloats(longest) * Float.BYTES;
        return new AttentionGradient(longest, Arena.ofAuto().allocate(bytes, 64));
    }

    /** Rows of projections and gradients of several sequences, all in their places. */
    private static final class Batch {
        final Attention.Shape shape;
        final HeadsSpec heads;
        final int width; // floats of a row of projections, and 3 that nobody owns
        final int contextWidth;
        final int[] starts;
        final MemorySegment projected;
        final MemorySegment gradContext;
        final MemorySegment gradients;
        final MemorySegment sinks; // after 1 float
        final MemorySegment gradSinks; // after 2 floats, [sequences, heads]

        Batch(
                Arena arena,
                SplittableRandom random,
                Attention.Shape shape,
                HeadsSpec heads,
                int[] lengths) {
            this.shape = shape;
            this.heads = heads;
            starts = new int[lengths.length + 1];
            starts[0] = 2; // two rows before that nobody owns
            for (int s = 0; s < lengths.length; s++) {
                starts[s + 1] = starts[s] + lengths[s];
            }
            width = (heads.queries().count() + 3 * heads.keys().count()) * 3 * heads.dim() + 3;
            contextWidth = heads.contextWidth() + 1;
            long rows = starts[lengths.length];
            projected = Memory.random(arena, random, 4 + rows * width, 1);
            gradContext = Memory.random(arena, random, 5 + rows * contextWidth, 1);
            gradients = Memory.poisoned(arena, 6 + rows * width);
            sinks = Memory.random(arena, random, 1 + shape.heads(), 1);
            gradSinks = arena.allocate(4L * (2 + lengths.length * shape.heads()), 64);
            gradSinks.fill((byte) 0);
        }

        void run(AttentionGradient kernel, boolean withSinks, int sequence, int kvHead) {
            long ofSequence = 2 + (long) sequence * shape.heads();
            kernel.run(
                    shape,
                    ProjectedHeads.of(heads, kvHead, projected, 4, width),
                    new HeadRows(gradContext, 5, contextWidth, shape.valueDim()),
                    ProjectedHeads.of(heads, kvHead, gradients, 6, width),
                    withSinks ? new AttentionGradient.Sinks(sinks, 1, gradSinks, ofSequence) : null,
                    null,
                    starts[sequence],
                    starts[sequence + 1] - starts[sequence],
                    kvHead);
        }

        double[][][] gradContextOf(int sequence) {
            int count = starts[sequence + 1] - starts[sequence];
            double[][][] values = new double[shape.heads()][count][shape.valueDim()];
            for (int head = 0; head < shape.heads(); head++) {
                for (int i = 0; i < count; i++) {
                    long at = 5L + (starts[sequence] + i) * (long) contextWidth;
                    for (int d = 0; d < shape.valueDim(); d++) {
                        long from = at + (long) head * shape.valueDim() + d;
                        values[head][i][d] = Memory.at(gradContext, from);
                    }
                }
            }
            return values;
        }

        PlainAttention plain(boolean withSinks, int sequence) {
            int count = starts[sequence + 1] - starts[sequence];
            PlainAttention plain = new PlainAttention(shape, count);
            fill(plain.q, heads.queries(), sequence);
            fill(plain.k, heads.keys(), sequence);
            fill(plain.v, heads.values(), sequence);
            for (int head = 0; head < shape.heads(); head++) {
                plain.sinks[head] =
                        withSinks ? Memory.at(sinks, 1L + head) : Double.NEGATIVE_INFINITY;
            }
            return plain;
        }

        private void fill(double[][][] values, HeadColumns columns, int sequence) {
            for (int head = 0; head < values.length; head++) {
                for (int i = 0; i < values[head].length; i++) {
                    for (int d = 0; d < values[head][i].length; d++) {
                        long row = (long) starts[sequence] + i;
                        long at = 4 + row * width + columns.column(head) + d;
                        values[head][i][d] = Memory.at(projected, at);
                    }
                }
            }
        }

        /** Compares, and marks what was written as seen. */
        void compare(double[][][] want, HeadColumns columns, int sequence, boolean[] seen) {
            for (int head = 0; head < want.length; head++) {
                double largest = 1e-3;
                for (double[] row : want[head]) {
                    for (double value : row) {
                        largest = Math.max(largest, Math.abs(value));
                    }
                }
                for (int i = 0; i < want[head].length; i++) {
                    for (int d = 0; d < want[head][i].length; d++) {
                        long row = (long) starts[sequence] + i;
                        int at = (int) (6 + row * width + columns.column(head) + d);
                        seen[at] = true;
                        assertThat((double) Memory.at(gradients, at))
                                .as("sequence %d, head %d, row %d, %d", sequence, head, i, d)
                                .isCloseTo(want[head][i][d], within(BOUND * largest));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        // heads, kv heads, head size, value size, window, ahead, softcap, slopes, sinks
        "2, 2, 16, 16, 0, 0, 0, false, false",
        "4, 2, 7, 7, 0, 0, 0, false, false",
        "3, 1, 20, 20, 0, 0, 0, false, false",
        "2, 2, 8, 8, 0, 2147483647, 0, false, false",
        "2, 1, 24, 9, 0, 0, 0, false, false",
        "2, 2, 8, 8, 1, 0, 0, false, false",
        "2, 1, 8, 8, 7, 0, 0, false, false",
        "2, 1, 8, 8, 100, 0, 0, false, true",
        "4, 4, 8, 8, 9, 8, 0, false, false",
        "2, 1, 16, 16, 0, 0, 3, false, false",
        "4, 2, 8, 12, 33, 0, 2, false, true",
        "4, 2, 8, 8, 0, 0, 0, true, false",
        "4, 2, 8, 8, 0, 2147483647, 5, true, true",
        "4, 2, 8, 8, 20, 3, 0, true, true",
        "4, 1, 8, 8, 0, 0, 0, false, true"
    })
    void agreesWithDouble(
            int heads,
            int kvHeads,
            int dim,
            int valueDim,
            int window,
            int ahead,
            float softcap,
            boolean sloped,
            boolean withSinks) {
        Attention.Shape shape =
                shape(heads, kvHeads, dim, valueDim, window, ahead, softcap, sloped);
        try (Arena arena = Arena.ofConfined();
                AttentionGradient kernel = kernel(200)) {
            HeadsSpec spec = spread(heads, kvHeads, dim, valueDim);
            Batch batch = new Batch(arena, new SplittableRandom(31), shape, spec, LENGTHS);
            boolean[] seen = new boolean[(int) (batch.gradients.byteSize() / 4)];
            for (int sequence = 0; sequence < LENGTHS.length; sequence++) {
                for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
                    batch.run(kernel, withSinks, sequence, kvHead);
                }
                PlainAttention plain = batch.plain(withSinks, sequence);
                plain.gradients(batch.gradContextOf(sequence));
                batch.compare(plain.gradQ, spec.queries(), sequence, seen);
                batch.compare(plain.gradK, spec.keys(), sequence, seen);
                batch.compare(plain.gradV, spec.values(), sequence, seen);
                for (int head = 0; head < heads; head++) {
                    double want = withSinks ? plain.gradSinks[head] : 0;
                    assertThat(
                                    (double)
                                            Memory.at(
                                                    batch.gradSinks,
                                                    2L + (long) sequence * heads + head))
                            .isCloseTo(want, within(BOUND * (Math.abs(want) + 1)));
                }
            }
            for (int i = 0; i < seen.length; i++) {
                assertThat(seen[i] || Memory.isPoison(batch.gradients, i)).as("at %d", i).isTrue();
            }
        }
    }

    private static Attention.Shape shape(
            int heads,
            int kvHeads,
            int dim,
            int valueDim,
            int window,
            int ahead,
            float softcap,
            boolean sloped) {
        List<Float> slopes = new ArrayList<>();
        for (int head = 0; sloped && head < heads; head++) {
            slopes.add((float) Math.pow(2, -2 - head));
        }
        return new Attention.Shape(
                heads,
                kvHeads,
                dim,
                valueDim,
                0.4f,
                softcap,
                new Attention.Sight(window, ahead),
                slopes);
    }

    /** Heads with a float between them that is nobody's. */
    private static HeadsSpec spread(int heads, int kvHeads, int dim, int valueDim) {
        int keys = heads * (dim + 1);
        int values = keys + kvHeads * (dim + 1);
        return new HeadsSpec(
                dim,
                new HeadColumns(heads, 0, dim + 1),
                new HeadColumns(kvHeads, keys, dim + 1),
                new HeadColumns(kvHeads, values, valueDim + 1),
                valueDim);
    }

    /** The plain gradients are themselves differences of what they are of. */
    @Test
    void isTheSlopeOfTheForward() {
        Attention.Shape shape = shape(4, 2, 3, 2, 4, 1, 2, true);
        try (Arena arena = Arena.ofConfined()) {
            int[] lengths = {6};
            HeadsSpec spec = spread(4, 2, 3, 2);
            Batch batch = new Batch(arena, new SplittableRandom(32), shape, spec, lengths);
            PlainAttention plain = batch.plain(true, 0);
            double[][][] gradContext = batch.gradContextOf(0);
            plain.gradients(gradContext);
            checkSlopes(plain, gradContext, plain.q, plain.gradQ);
            checkSlopes(plain, gradContext, plain.k, plain.gradK);
            checkSlopes(plain, gradContext, plain.v, plain.gradV);
            double[][][] sinks = {{plain.sinks}};
            checkSlopes(plain, gradContext, sinks, new double[][][] {{plain.gradSinks}});
        }
    }

    private static void checkSlopes(
            PlainAttention plain, double[][][] gradContext, double[][][] of, double[][][] have) {
        double step = 1e-5;
        for (int head = 0; head < of.length; head++) {
            for (int i = 0; i < of[head].length; i++) {
                for (int d = 0; d < of[head][i].length; d++) {
                    double old = of[head][i][d];
                    of[head][i][d] = old + step;
                    double more = plain.product(gradContext);
                    of[head][i][d] = old - step;
                    double less = plain.product(gradContext);
                    of[head][i][d] = old;
                    assertThat(have[head][i][d])
                            .isCloseTo((more - less) / (2 * step), within(1e-8));
                }
            }
        }
    }

    @Test
    void findsHeadsHoweverTheyLie() {
        int[] lengths = {9, 70};
        for (HeadsSpec spec : List.of(HeadsSpec.grouped(6, 2, 8), HeadsSpec.interleaved(3, 8))) {
            int kvHeads = spec.keys().count();
            Attention.Shape shape = shape(spec.queries().count(), kvHeads, 8, 8, 0, 0, 0, false);
            try (Arena arena = Arena.ofConfined();
                    AttentionGradient kernel = kernel(70)) {
                Batch batch = new Batch(arena, new SplittableRandom(33), shape, spec, lengths);
                boolean[] seen = new boolean[(int) (batch.gradients.byteSize() / 4)];
                for (int sequence = 0; sequence < lengths.length; sequence++) {
                    for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
                        batch.run(kernel, false, sequence, kvHead);
                    }
                    PlainAttention plain = batch.plain(false, sequence);
                    plain.gradients(batch.gradContextOf(sequence));
                    batch.compare(plain.gradQ, spec.queries(), sequence, seen);
                    batch.compare(plain.gradK, spec.keys(), sequence, seen);
                    batch.compare(plain.gradV, spec.values(), sequence, seen);
                }
            }
        }
        HeadsSpec uneven =
                new HeadsSpec(
                        8,
                        new HeadColumns(6, 0, 100, 2, 8),
                        new HeadColumns(2, 16, 100),
                        new HeadColumns(2, 24, 100));
        assertThatThrownBy(() -> ProjectedHeads.of(uneven, 0, MemorySegment.NULL, 0, 400))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("query heads 0 to 2");
    }

    @Test
    void givesTheSameBitsWhicheverWorkerComputesInWhateverOrder() {
        Attention.Shape shape = shape(4, 2, 16, 16, 0, 0, 0, false);
        HeadsSpec spec = HeadsSpec.inOrder(4, 2, 16);
        try (Arena arena = Arena.ofConfined();
                AttentionGradient kernel = kernel(200);
                AttentionGradient other = kernel(1000)) {
            Batch one = new Batch(arena, new SplittableRandom(34), shape, spec, LENGTHS);
            Batch two = new Batch(arena, new SplittableRandom(34), shape, spec, LENGTHS);
            for (int item = 0; item < 2 * LENGTHS.length; item++) {
                one.run(kernel, true, item / 2, item % 2);
                int last = 2 * LENGTHS.length - 1 - item;
                two.run(other, true, last / 2, last % 2);
            }
            assertThat(Memory.sameBits(one.gradients, two.gradients)).isTrue();
            assertThat(Memory.sameBits(one.gradSinks, two.gradSinks)).isTrue();
        }
    }

    @Test
    void readsNoSequenceButItsOwn() {
        Attention.Shape shape = shape(2, 1, 8, 8, 0, ALL, 3, false);
        HeadsSpec spec = HeadsSpec.inOrder(2, 1, 8);
        int[] lengths = {30, 65, 30};
        try (Arena arena = Arena.ofConfined();
                AttentionGradient kernel = kernel(65)) {
            Batch one = new Batch(arena, new SplittableRandom(35), shape, spec, lengths);
            Batch two = new Batch(arena, new SplittableRandom(35), shape, spec, lengths);
            one.run(kernel, false, 1, 0);
            for (int row = 0; row < two.starts[3]; row++) {
                if (row < two.starts[1] || row >= two.starts[2]) {
                    for (int i = 0; i < two.width; i++) {
                        long at = 4 + (long) row * two.width + i;
                        two.projected.setAtIndex(ValueLayout.JAVA_FLOAT, at, Float.NaN);
                    }
                }
            }
            two.run(kernel, false, 1, 0);
            assertThat(Memory.sameBits(one.gradients, two.gradients)).isTrue();
        }
    }

    @Test
    void addsToTheGradientsOfSinks() {
        Attention.Shape shape = shape(2, 1, 8, 8, 0, 0, 0, false);
        HeadsSpec spec = HeadsSpec.inOrder(2, 1, 8);
        try (Arena arena = Arena.ofConfined();
                AttentionGradient kernel = kernel(30)) {
            Batch batch = new Batch(arena, new SplittableRandom(36), shape, spec, new int[] {30});
            batch.run(kernel, true, 0, 0);
            float once = Memory.at(batch.gradSinks, 3);
            batch.run(kernel, true, 0, 0);
            assertThat(once).isNotZero();
            assertThat(Memory.at(batch.gradSinks, 3)).isCloseTo(2 * once, within(1e-6f));
        }
    }

    @Test
    void refusesWhatItHasNoRoomForAndWorkAfterItsEnd() {
        Attention.Shape shape = shape(2, 1, 8, 8, 0, 0, 0, false);
        HeadsSpec spec = HeadsSpec.inOrder(2, 1, 8);
        try (Arena arena = Arena.ofConfined()) {
            Batch batch = new Batch(arena, new SplittableRandom(37), shape, spec, new int[] {30});
            AttentionGradient kernel = kernel(29);
            assertThatThrownBy(() -> batch.run(kernel, false, 0, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("30 tokens");
            kernel.close();
            kernel.close();
            assertThatThrownBy(() -> batch.run(kernel, false, 0, 0))
                    .isInstanceOf(IllegalStateException.class);
        }
    }
}
