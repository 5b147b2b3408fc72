package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class ParameterPassTest {
    private static final StoredTensor BRAIN =
            new StoredTensor(MemorySegment.ofArray(new byte[2]), 0, DType.BF16, 9, 1, false);
    private static final byte POISON = 0x5B;
    private static final int MARGIN = 6; // bytes in front of a tensor, and behind it

    private static StoredTensor tensor(
            Arena arena, DType dtype, long elements, boolean vector, Random random) {
        MemorySegment bytes = arena.allocate(elements * dtype.sizeBytes() + 2 * MARGIN);
        bytes.fill(POISON);
        StoredTensor tensor = new StoredTensor(bytes, MARGIN, dtype, 17, elements, vector);
        for (long e = 0; e < elements; e++) {
            write(tensor, e, (float) (random.nextGaussian() * 0.05));
        }
        return tensor;
    }

    private static void write(StoredTensor tensor, long element, float value) {
        long at = tensor.offset() + element * tensor.dtype().sizeBytes();
        switch (tensor.dtype()) {
            case F32 -> tensor.bytes().set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, value);
            case F16 ->
                    tensor.bytes()
                            .set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(value));
            default ->
                    tensor.bytes()
                            .set(
                                    ValueLayout.JAVA_SHORT_UNALIGNED,
                                    at,
                                    (short) (Float.floatToRawIntBits(value) >>> 16));
        }
    }

    private static float read(StoredTensor tensor, long element) {
        long at = tensor.offset() + element * tensor.dtype().sizeBytes();
        return switch (tensor.dtype()) {
            case F32 -> tensor.bytes().get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
            case F16 ->
                    Float.float16ToFloat(tensor.bytes().get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
            default ->
                    Float.intBitsToFloat(
                            tensor.bytes().get(ValueLayout.JAVA_SHORT_UNALIGNED, at) << 16);
        };
    }

    private static List<Update> updates(long from, int count, int terms, Random random) {
        List<Update> updates = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Update.Term> parts = new ArrayList<>();
            for (int k = 0; k < terms; k++) {
                parts.add(
                        new Update.Term(random.nextLong(), (float) random.nextGaussian() * 1e-3f));
            }
            Decay decay =
                    switch (random.nextInt(4)) {
                        case 0 -> Decay.NONE;
                        case 1 -> Decay.byFactor(1e-3);
                        case 2 -> Decay.of(1e-3);
                        default -> Decay.of(1e-9);
                    };
            updates.add(new Update(from + i, random.nextLong(), decay, parts));
        }
        return updates;
    }

    private static MemorySegment[] outputs(Arena arena, int count, long elements) {
        return outputs(arena, count, elements, DType.F32);
    }

    private static MemorySegment[] outputs(Arena arena, int count, long elements, DType type) {
        MemorySegment[] outputs = new MemorySegment[count];
        for (int i = 0; i < count; i++) {
            outputs[i] = arena.allocate(elements * type.sizeBytes() + 2 * MARGIN).fill(POISON);
        }
        return outputs;
    }

    private static long[] offsets(int count) {
        long[] offsets = new long[count];
        Arrays.fill(offsets, MARGIN);
        return offsets;
    }

    private static int bits(MemorySegment output, long element) {
        return output.get(ValueLayout.JAVA_INT_UNALIGNED, MARGIN + element * Float.BYTES);
    }

    private static int bits(MemorySegment output, long element, DType type) {
        return type == DType.F32
                ? bits(output, element)
                : output.get(ValueLayout.JAVA_SHORT_UNALIGNED, MARGIN + element * Short.BYTES)
                        << 16;
    }

    private static void assertMarginsUntouched(MemorySegment memory) {
        for (int i = 0; i < MARGIN; i++) {
            assertThat(memory.get(ValueLayout.JAVA_BYTE, i)).isEqualTo(POISON);
            assertThat(memory.get(ValueLayout.JAVA_BYTE, memory.byteSize() - 1 - i))
                    .isEqualTo(POISON);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "F32, NEAREST, gaussian, F32",
        "BF16, NEAREST, gaussian, F32",
        "F16, NEAREST, rademacher, F32",
        "BF16, STOCHASTIC, rademacher, F32",
        "F16, STOCHASTIC, gaussian, F32",
        "F32, NEAREST, gaussian, BF16",
        "BF16, STOCHASTIC, rademacher, BF16"
    })
    void hasTheBitsOfTheNaiveArithmetic(
            DType dtype, Rounding rounding, String direction, DType written) {
        long testSeed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(testSeed);
        ParameterPass pass =
                new ParameterPass(Directions.dense(direction), rounding).writing(written);
        for (int round = 0; round < 30; round++) {
            String what = "test seed " + testSeed + " round " + round;
            try (Arena arena = Arena.ofConfined()) {
                long columns = 1 + random.nextLong(round % 5 == 0 ? 6000 : 90);
                long rows = 1 + random.nextLong(20);
                boolean vector = random.nextInt(4) == 0;
                StoredTensor tensor = tensor(arena, dtype, rows * columns, vector, random);
                float[] before = values(tensor);
                long applied = random.nextInt(10);
                int foldEvery = 1 + random.nextInt(4);
                List<Update> updates =
                        updates(applied + 1, random.nextInt(5), 1 + random.nextInt(3), random);
                PendingUpdates pending = PendingUpdates.of(applied, foldEvery, updates);
                boolean flush = random.nextInt(3) == 0 && !updates.isEmpty();
                boolean store = random.nextBoolean();
                List<Float> scales = List.of(1e-3f, -1e-3f, 0f).subList(0, 2 + round % 2);
                Query query = new Query(random.nextLong(), scales);
                PassPlan plan =
                        PassPlan.querying(flush ? pending.flushed() : pending, store, query);

                long row = random.nextLong(rows);
                long tileRows = 1 + random.nextLong(rows - row);
                long column = random.nextInt(4) == 0 ? 0 : random.nextLong(columns);
                long tileColumns = column == 0 ? columns : 1 + random.nextLong(columns - column);
                MemorySegment[] outputs =
                        outputs(arena, scales.size(), tileRows * tileColumns, written);
                pass.rectangle(
                        tensor,
                        plan,
                        columns,
                        row,
                        tileRows,
                        column,
                        tileColumns,
                        outputs,
                        offsets(scales.size()));

                for (long e = 0; e < rows * columns; e++) {
                    long r = e / columns - row;
                    long c = e % columns - column;
                    boolean inside = r >= 0 && r < tileRows && c >= 0 && c < tileColumns;
                    ScalarOracle.Result expected =
                            ScalarOracle.fold(
                                    before[(int) e],
                                    updates,
                                    foldEvery,
                                    flush,
                                    rounding,
                                    direction,
                                    tensor,
                                    e);
                    float stored = inside && store ? expected.stored() : before[(int) e];
                    assertThat(Float.floatToRawIntBits(read(tensor, e)))
                            .as(what + " stored element " + e)
                            .isEqualTo(Float.floatToRawIntBits(stored));
                    if (inside) {
                        float z = ScalarOracle.z(direction, query.seed(), 17, e);
                        for (int i = 0; i < scales.size(); i++) {
                            float scale = scales.get(i);
                            float p = expected.seen();
                            float value = scale == 0f ? p : Math.fma(scale, z, p);
                            float rounded =
                                    written == DType.F32
                                            ? value
                                            : ScalarOracle.round(
                                                    value, BRAIN, Rounding.NEAREST, 0, 0);
                            assertThat(bits(outputs[i], r * tileColumns + c, written))
                                    .as(what + " output " + i + " element " + e)
                                    .isEqualTo(Float.floatToRawIntBits(rounded));
                        }
                    }
                }
                for (MemorySegment output : outputs) {
                    assertMarginsUntouched(output);
                }
                assertMarginsUntouched(tensor.bytes());
            }
        }
    }

    private static float[] values(StoredTensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        for (int e = 0; e < values.length; e++) {
            values[e] = read(tensor, e);
        }
        return values;
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void resultsDoNotDependOnTheCutsOrTheVisits(DType dtype) {
        long testSeed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(testSeed);
        int elements = 20_000;
        List<Update> updates = updates(1, 7, 2, random);
        try (Arena arena = Arena.ofConfined()) {
            StoredTensor whole = tensor(arena, dtype, elements, false, random);
            StoredTensor cut = copyOf(arena, whole);
            ParameterPass pass = new ParameterPass(new GaussianDirection(), Rounding.STOCHASTIC);

            // Once at the end, all in one; against a visit every step or two, in random ranges.
            PendingUpdates all = PendingUpdates.of(0, 3, updates).flushed();
            foldAll(pass, whole, all);
            long applied = 0;
            for (int seen = 1; seen <= updates.size(); seen += 1 + random.nextInt(2)) {
                applied = visit(pass, cut, applied, updates.subList(0, seen), false, random);
            }
            visit(pass, cut, applied, updates, true, random);

            assertThat(cut.bytes().mismatch(whole.bytes()))
                    .as("test seed %d", testSeed)
                    .isEqualTo(-1);
        }
    }

    private static long visit(
            ParameterPass pass,
            StoredTensor tensor,
            long applied,
            List<Update> history,
            boolean flush,
            Random random) {
        PendingUpdates pending =
                PendingUpdates.of(applied, 3, history.subList((int) applied, history.size()));
        PassPlan plan = PassPlan.reading(flush ? pending.flushed() : pending, true);
        for (long at = 0; at < tensor.elements(); ) {
            long count = Math.min(tensor.elements() - at, 1 + random.nextInt(7000));
            pass.range(tensor, plan, at, count, new MemorySegment[0], new long[0]);
            at += count;
        }
        return plan.pending().foldThrough();
    }

    private static void foldAll(ParameterPass pass, StoredTensor tensor, PendingUpdates pending) {
        PassPlan plan = PassPlan.reading(pending, true);
        pass.range(tensor, plan, 0, tensor.elements(), new MemorySegment[0], new long[0]);
    }

    private static StoredTensor copyOf(Arena arena, StoredTensor tensor) {
        MemorySegment bytes = arena.allocate(tensor.bytes().byteSize()).copyFrom(tensor.bytes());
        return new StoredTensor(
                bytes,
                tensor.offset(),
                tensor.dtype(),
                tensor.tensorId(),
                tensor.elements(),
                tensor.vector());
    }

    @Test
    void float32DoesNotDependOnTheFoldSchedule() {
        long testSeed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(testSeed);
        List<Update> updates = updates(1, 9, 1, random);
        try (Arena arena = Arena.ofConfined()) {
            StoredTensor first = tensor(arena, DType.F32, 5000, false, random);
            ParameterPass pass = new ParameterPass(new GaussianDirection(), Rounding.NEAREST);
            StoredTensor other = copyOf(arena, first);
            foldAll(pass, first, PendingUpdates.of(0, 1, updates).flushed());
            foldAll(pass, other, PendingUpdates.of(0, 4, updates).flushed());
            assertThat(first.bytes().mismatch(other.bytes())).isEqualTo(-1);
        }
    }

    @Test
    void flushedReadingSeesWhatASaveWrites() {
        Random random = new Random(7);
        try (Arena arena = Arena.ofConfined()) {
            StoredTensor tensor = tensor(arena, DType.BF16, 777, false, random);
            PendingUpdates pending = PendingUpdates.of(0, 100, updates(1, 3, 1, random)).flushed();
            ParameterPass pass = new ParameterPass(new GaussianDirection(), Rounding.STOCHASTIC);
            MemorySegment[] read = outputs(arena, 1, 777);
            pass.range(tensor, PassPlan.reading(pending, false), 0, 777, read, offsets(1));
            foldAll(pass, tensor, pending);
            for (int e = 0; e < 777; e++) {
                assertThat(bits(read[0], e)).isEqualTo(Float.floatToRawIntBits(read(tensor, e)));
            }
        }
    }

    @Test
    void allocatesNothing() {
        Random random = new Random(3);
        try (Arena arena = Arena.ofConfined()) {
            StoredTensor tensor = tensor(arena, DType.BF16, 64 * 300, false, random);
            PendingUpdates pending = PendingUpdates.of(0, 1, updates(1, 1, 1, random));
            Query query = new Query(5, List.of(1e-3f, -1e-3f));
            PassPlan plan = PassPlan.querying(pending, true, query);
            ParameterPass pass = new ParameterPass(new GaussianDirection(), Rounding.NEAREST);
            MemorySegment[] outputs = outputs(arena, 2, 64 * 300);
            long[] offsets = offsets(2);
            Runnable visit =
                    () -> {
                        pass.range(tensor, plan, 3, 64 * 300 - 3, outputs, offsets);
                        pass.rectangle(tensor, plan, 300, 1, 60, 7, 250, outputs, offsets);
                    };
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long each = Long.MAX_VALUE;
            // Vectors are objects until C2 has compiled the loops, whenever it comes to that.
            for (int round = 0; round < 100 && each >= 64; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 200; i++) {
                    visit.run();
                }
                each = (threads.getCurrentThreadAllocatedBytes() - before) / 200;
            }
            assertThat(each).isLessThan(64);
        }
    }

    @Test
    void refusesRangesAndOutputsThatDoNotFit() {
        try (Arena arena = Arena.ofConfined()) {
            StoredTensor tensor = tensor(arena, DType.F32, 100, false, new Random(1));
            ParameterPass pass = new ParameterPass(new GaussianDirection(), Rounding.NEAREST);
            PassPlan plan =
                    PassPlan.querying(
                            PendingUpdates.of(0, 1, List.of()), false, new Query(1, List.of(1f)));
            assertThatThrownBy(() ->
                            pass.range(tensor, plan, 90, 11, outputs(arena, 1, 11), offsets(1)))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() ->
                            pass.range(tensor, plan, 0, 10, new MemorySegment[0], new long[0]))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> new StoredTensor(tensor.bytes(), 0, DType.F32, 0, 200, false))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
