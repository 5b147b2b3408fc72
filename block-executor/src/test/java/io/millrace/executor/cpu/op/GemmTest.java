package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class GemmTest {
    @Test
    void sgemmAgreesWithDoubleOverRandomShapes() {
        long seed = Memory.seed();
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 60; round++) {
            int m = random.nextInt(1, 70);
            int n = random.nextInt(1, 70);
            int k = random.nextInt(1, 130);
            boolean transA = random.nextBoolean();
            boolean transB = random.nextBoolean();
            float alpha = (float) random.nextDouble(-2, 2);
            float beta = round % 3 == 0 ? 0 : (float) random.nextDouble(-2, 2);
            long lda = random.nextInt(5) + (long) (transA ? m : k);
            long ldb = random.nextInt(5) + (long) (transB ? k : n);
            long ldc = random.nextInt(5) + (long) n;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment a = Memory.random(arena, random, 3 + (transA ? k : m) * lda, 1);
                MemorySegment b = Memory.random(arena, random, 5 + (transB ? n : k) * ldb, 1);
                MemorySegment c =
                        beta == 0
                                ? Memory.poisoned(arena, 7 + m * ldc)
                                : Memory.random(arena, random, 7 + m * ldc, 1);
                MemorySegment before = Memory.copy(arena, c);
                Sgemm.sgemm(transA, transB, m, n, k, alpha, a, 3, lda, b, 5, ldb, beta, c, 7, ldc);
                double[][] want = JavaGemm.product(transA, transB, m, n, k, a, 3, lda, b, 5, ldb);
                for (int i = 0; i < m; i++) {
                    for (int j = 0; j < ldc; j++) {
                        long at = 7 + i * ldc + j;
                        if (j >= n) {
                            assertThat(Memory.bits(c, at)).isEqualTo(Memory.bits(before, at));
                            continue;
                        }
                        double old = beta == 0 ? 0 : (double) beta * Memory.at(before, at);
                        assertThat((double) Memory.at(c, at))
                                .as("seed %d round %d at %d,%d", seed, round, i, j)
                                .isCloseTo(alpha * want[i][j] + old, within(1e-6 * (k + 10)));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "BF16"})
    void matmulAgreesWithDoubleOverRandomShapes(DType type) {
        assumeTrue(type == DType.F32 || Gemm.multipliesBFloat16());
        long seed = Memory.seed();
        SplittableRandom random = new SplittableRandom(seed);
        try (Gemm gemm = new Gemm()) {
            for (int round = 0; round < 60; round++) {
                checkMatmul(gemm, type, random, "seed " + seed + " round " + round);
            }
            assertThat(gemm.shapeCount()).isGreaterThan(40);
        }
    }

    private static void checkMatmul(Gemm gemm, DType type, SplittableRandom random, String name) {
        int m = random.nextInt(1, 90);
        int n = random.nextInt(1, 140);
        int k = random.nextInt(1, 200);
        boolean inputMajor = random.nextBoolean();
        boolean accumulate = random.nextBoolean();
        boolean biased = random.nextBoolean();
        long ldx = random.nextInt(5) + (long) k;
        long ldw = random.nextInt(5) + (long) (inputMajor ? n : k);
        long ldy = random.nextInt(5) + (long) n;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = Memory.random(arena, random, 3 + m * ldx, 1);
            MemorySegment w = Memory.random(arena, random, 5 + (inputMajor ? k : n) * ldw, 1);
            MemorySegment bias = biased ? Memory.random(arena, random, 2L + n, 1) : null;
            MemorySegment y =
                    accumulate
                            ? Memory.random(arena, random, 7 + m * ldy, 1)
                            : Memory.poisoned(arena, 7 + m * ldy);
            MemorySegment before = Memory.copy(arena, y);
            gemm.multiply(
                    type,
                    m,
                    n,
                    k,
                    operand(arena, type, x),
                    3,
                    ldx,
                    operand(arena, type, w),
                    5,
                    order(inputMajor),
                    ldw,
                    bias,
                    2,
                    accumulate,
                    y,
                    7,
                    ldy);
            double[][] want = JavaGemm.product(false, !inputMajor, m, n, k, x, 3, ldx, w, 5, ldw);
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < ldy; j++) {
                    long at = 7 + i * ldy + j;
                    if (j >= n) {
                        assertThat(Memory.bits(y, at))
                                .as("%s: padding at %d,%d", name, i, j)
                                .isEqualTo(Memory.bits(before, at));
                        continue;
                    }
                    double more =
                            (accumulate ? Memory.at(before, at) : 0.0)
                                    + (biased ? Memory.at(bias, 2L + j) : 0.0);
                    assertThat((double) Memory.at(y, at))
                            .as("%s at %d,%d", name, i, j)
                            .isCloseTo(want[i][j] + more, within(1e-6 * (k + 10)));
                }
            }
        }
    }

    /** The numbers in a type, and rounded in place to what the type has. */
    private static MemorySegment operand(Arena arena, DType type, MemorySegment floats) {
        if (type == DType.F32) {
            return floats;
        }
        long count = floats.byteSize() / Float.BYTES;
        MemorySegment rounded = arena.allocate(count * Short.BYTES, 64);
        BFloat16.round(floats, 0, rounded, 0, count);
        for (long i = 0; i < count; i++) {
            int bits = rounded.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16;
            floats.setAtIndex(ValueLayout.JAVA_INT, i, bits);
        }
        return rounded;
    }

    /** A panel has the bits of a matrix formed whole, so which of them is formed may be chosen. */
    @ParameterizedTest
    @CsvSource({"F32, true", "F32, false", "BF16, true", "BF16, false"})
    void bitsDoNotDependOnWhatLiesBetweenTheRowsOfTheWeights(DType type, boolean inputMajor) {
        assumeTrue(type == DType.F32 || Gemm.multipliesBFloat16());
        SplittableRandom random = new SplittableRandom(3);
        for (int[] shape : new int[][] {{16, 64, 96}, {256, 64, 768}, {96, 40, 1030}}) {
            int m = shape[0];
            int n = shape[1];
            int k = shape[2];
            long rows = inputMajor ? k : n;
            long tight = inputMajor ? n : k;
            long wide = inputMajor ? 2304 : k; // output-major panels are cut from whole rows
            try (Arena arena = Arena.ofConfined();
                    Gemm gemm = new Gemm()) {
                MemorySegment x =
                        operand(arena, type, Memory.random(arena, random, (long) m * k, 1));
                MemorySegment whole =
                        operand(arena, type, Memory.random(arena, random, 64 + rows * wide, 1));
                MemorySegment panel = arena.allocate(rows * tight * Float.BYTES, 64);
                for (long row = 0; row < rows; row++) {
                    MemorySegment.copy(
                            whole,
                            (64 + row * wide) * type.sizeBytes(),
                            panel,
                            row * tight * type.sizeBytes(),
                            tight * type.sizeBytes());
                }
                MemorySegment one = Memory.poisoned(arena, (long) m * n);
                MemorySegment other = Memory.poisoned(arena, (long) m * n);
                gemm.multiply(
                        type,
                        m,
                        n,
                        k,
                        x,
                        0,
                        k,
                        whole,
                        64,
                        order(inputMajor),
                        wide,
                        null,
                        0,
                        false,
                        one,
                        0,
                        n);
                gemm.multiply(
                        type,
                        m,
                        n,
                        k,
                        x,
                        0,
                        k,
                        panel,
                        0,
                        order(inputMajor),
                        tight,
                        null,
                        0,
                        false,
                        other,
                        0,
                        n);
                assertThat(Memory.sameBits(one, other)).as("%d x %d x %d", m, n, k).isTrue();
            }
        }
    }

    private static Gemm.Order order(boolean inputMajor) {
        return inputMajor ? Gemm.Order.INPUTS : Gemm.Order.OUTPUTS;
    }

    @Test
    void pairsOfWeightsAreMultipliedAsOthersAre() {
        assumeTrue(Gemm.multipliesPairs());
        SplittableRandom random = new SplittableRandom(5);
        for (int[] shape : new int[][] {{16, 64, 32}, {64, 128, 768}, {1, 64, 1056}}) {
            int m = shape[0];
            int n = shape[1];
            int k = shape[2];
            try (Arena arena = Arena.ofConfined();
                    Gemm gemm = new Gemm()) {
                MemorySegment floats = Memory.random(arena, random, (long) m * k, 1);
                MemorySegment weights = Memory.random(arena, random, (long) n * k, 1);
                MemorySegment x = operand(arena, DType.BF16, floats);
                MemorySegment w = operand(arena, DType.BF16, weights);
                MemorySegment y = Memory.poisoned(arena, (long) m * n);
                MemorySegment pairs = pairs(arena, w, n, k);
                gemm.multiply(
                        DType.BF16,
                        m,
                        n,
                        k,
                        x,
                        0,
                        k,
                        pairs,
                        0,
                        Gemm.Order.PAIRS,
                        0,
                        null,
                        0,
                        false,
                        y,
                        0,
                        n);
                double[][] want =
                        JavaGemm.product(false, true, m, n, k, floats, 0, k, weights, 0, k);
                for (int i = 0; i < m; i++) {
                    for (int j = 0; j < n; j++) {
                        assertThat((double) CheckedFloats.get(y, (long) i * n + j))
                                .as("%d x %d x %d: %d, %d", m, n, k, i, j)
                                .isCloseTo(want[i][j], within(1e-6 * (k + 10)));
                    }
                }
            }
        }
    }

    @Test
    void outerProductsOfBFloat16AddUpInFloat32() {
        assumeTrue(Gemm.multipliesBFloat16());
        SplittableRandom random = new SplittableRandom(7);
        for (int[] shape : new int[][] {{16, 24, 16}, {40, 33, 80}, {256, 384, 48}}) {
            int m = shape[0];
            int n = shape[1];
            int k = shape[2];
            long lda = m + 3L;
            long ldb = n + 5L;
            long ldc = n + 1L;
            try (Arena arena = Arena.ofConfined();
                    Gemm gemm = new Gemm()) {
                MemorySegment a = Memory.random(arena, random, 2 + k * lda, 1);
                MemorySegment b = Memory.random(arena, random, 3 + k * ldb, 1);
                MemorySegment c = Memory.random(arena, random, 4 + m * ldc, 1);
                MemorySegment before = Memory.copy(arena, c);
                MemorySegment left = operand(arena, DType.BF16, a);
                MemorySegment right = operand(arena, DType.BF16, b);
                gemm.addOuter(m, n, k, left, 2, lda, right, 3, ldb, c, 4, ldc);
                double[][] want = JavaGemm.product(true, false, m, n, k, a, 2, lda, b, 3, ldb);
                for (int i = 0; i < m; i++) {
                    for (int j = 0; j < ldc; j++) {
                        long at = 4 + i * ldc + j;
                        double old = CheckedFloats.get(before, at);
                        assertThat((double) CheckedFloats.get(c, at))
                                .as("%d x %d x %d: %d, %d", m, n, k, i, j)
                                .isCloseTo(j < n ? old + want[i][j] : old, within(1e-6 * (k + 10)));
                    }
                }
            }
        }
    }

    private static MemorySegment pairs(Arena arena, MemorySegment w, int n, int k) {
        MemorySegment pairs = arena.allocate((long) n * k * Short.BYTES, 64);
        for (int output = 0; output < n; output++) {
            for (int input = 0; input < k; input++) {
                long pair = (long) (output / 64) * k / 2 + input / 2;
                long at = (pair * 64 + output % 64) * 2 + input % 2;
                pairs.setAtIndex(
                        ValueLayout.JAVA_SHORT,
                        at,
                        w.getAtIndex(ValueLayout.JAVA_SHORT, (long) output * k + input));
            }
        }
        return pairs;
    }

    @Test
    void pairsThatDoNotFillTheirPlacesAreRefused() {
        try (Arena arena = Arena.ofConfined();
                Gemm gemm = new Gemm()) {
            MemorySegment s = arena.allocate(64 * 64 * Float.BYTES, 64);
            for (int[] shape : new int[][] {{32, 32}, {64, 24}}) {
                int n = shape[0];
                int k = shape[1];
                assertThatThrownBy(() ->
                                gemm.multiply(
                                        DType.BF16,
                                        1,
                                        n,
                                        k,
                                        s,
                                        0,
                                        k,
                                        s,
                                        0,
                                        Gemm.Order.PAIRS,
                                        0,
                                        null,
                                        0,
                                        false,
                                        s,
                                        0,
                                        n))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("do not pair");
            }
        }
    }

    @Test
    void tilesCoverEachElementOnce() {
        for (int[] shape : new int[][] {{1, 1}, {63, 200}, {64, 768}, {1100, 50}, {0, 3}}) {
            GemmTiles tiles = GemmTiles.of(shape[0], shape[1]);
            int[][] hits = new int[shape[0]][shape[1]];
            for (int t = 0; t < tiles.count(); t++) {
                for (int i = 0; i < tiles.rowCount(t); i++) {
                    for (int j = 0; j < tiles.columnCount(t); j++) {
                        hits[tiles.row(t) + i][tiles.column(t) + j]++;
                    }
                }
            }
            for (int[] row : hits) {
                assertThat(row).containsOnly(1);
            }
        }
    }

    @Test
    void givesTheSameBitsForAnyNumberOfWorkers() {
        SplittableRandom random = new SplittableRandom(1);
        int m = 200;
        int n = 300;
        int k = 500;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment x = Memory.random(arena, random, (long) m * k, 1);
            MemorySegment w = Memory.random(arena, random, (long) n * k, 1);
            MemorySegment first = null;
            for (int workers : new int[] {1, 2, 3, 5}) {
                MemorySegment y = Memory.poisoned(arena, (long) m * n);
                try (CpuWorkers team = new CpuWorkers(workers)) {
                    Linear linear = new Linear(team);
                    linear.apply(m, n, k, x, 0, k, w, 0, k, false, null, 0, false, y, 0, n);
                }
                first = first == null ? y : first;
                assertThat(Memory.sameBits(first, y)).as("%d workers", workers).isTrue();
            }
        }
    }

    @Test
    void startsNoThreadsOfItsOwn() throws IOException {
        try (Arena arena = Arena.ofShared();
                CpuWorkers team = new CpuWorkers(3)) {
            MemorySegment x = Memory.poisoned(arena, 512 * 512);
            x.fill((byte) 0);
            MemorySegment y = Memory.poisoned(arena, 4 * 512 * 512);
            team.pool().parallelFor(6, (t, w) -> {});
            long before = nativeThreads();
            for (int round = 0; round < 20; round++) {
                team.pool()
                        .parallelFor(
                                4,
                                (t, w) -> {
                                    long to = t * 512L * 512;
                                    Sgemm.sgemm(
                                            false, true, 512, 512, 512, 1, x, 0, 512, x, 0, 512, 0,
                                            y, to, 512);
                                    team.gemm(w)
                                            .multiply(
                                                    512, 512, 512, x, 0, 512, x, 0, 512, false,
                                                    null, 0, false, y, to, 512);
                                });
            }
            long after = nativeThreads();
            assertThat(after).isEqualTo(before);
        }
    }

    /** Threads named like those that call oneDNN: a new native thread inherits its maker's name. */
    private static long nativeThreads() throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            return tasks.map(GemmTest::threadName)
                    .filter(n -> n.startsWith("java") || n.startsWith("millrace"))
                    .count();
        }
    }

    private static String threadName(Path task) {
        try {
            return Files.readString(task.resolve("comm")).strip();
        } catch (IOException e) {
            return "gone: " + e.getMessage();
        }
    }

    @Test
    void refusesMatricesThatLeaveTheirSegment() {
        try (Arena arena = Arena.ofConfined();
                Gemm gemm = new Gemm()) {
            MemorySegment s = Memory.poisoned(arena, 16);
            assertThatThrownBy(() ->
                            Sgemm.sgemm(false, false, 4, 4, 4, 1, s, 1, 4, s, 0, 4, 0, s, 0, 4))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("4 x 4");
            assertThatThrownBy(() ->
                            gemm.multiply(4, 4, 4, s, 0, 4, s, 0, 3, true, null, 0, false, s, 0, 4))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void refusesWorkOnceClosed() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment s = Memory.poisoned(arena, 16);
            Gemm gemm = new Gemm();
            gemm.multiply(4, 4, 4, s, 0, 4, s, 0, 4, true, null, 0, false, s, 0, 4);
            gemm.close();
            gemm.close();
            assertThatThrownBy(() ->
                            gemm.multiply(4, 4, 4, s, 0, 4, s, 0, 4, true, null, 0, false, s, 0, 4))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("closed");
        }
    }

    @Test
    void allocatesNothingOnTheHeapInSteadyState() {
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined();
                Gemm gemm = new Gemm()) {
            MemorySegment s = Memory.poisoned(arena, 64);
            s.fill((byte) 0);
            for (int i = 0; i < 30_000; i++) {
                once(gemm, s);
            }
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 10_000; i++) {
                once(gemm, s);
            }
            assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(20_000);
        }
    }

    private static void once(Gemm gemm, MemorySegment s) {
        gemm.multiply(8, 8, 8, s, 0, 8, s, 0, 8, true, null, 0, false, s, 0, 8);
        Sgemm.sgemm(false, false, 8, 8, 8, 1, s, 0, 8, s, 0, 8, 0, s, 0, 8);
    }
}
