package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.cpu.param.ParameterPass;
import io.millrace.executor.cpu.param.PassPlan;
import io.millrace.executor.cpu.param.StoredState;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.executor.cuda.weight.MaskTables;
import io.millrace.memory.DType;
import io.millrace.memory.host.HostSlab;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.mask.BaseWeights;
import io.millrace.optim.mask.ElementMask;
import io.millrace.optim.mask.ListedMask;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.ElementProgram;
import io.millrace.optim.update.Hizoo;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Shape;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntToLongFunction;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What queries and updates go along where it is not z itself, against the CPU's: the same bits. */
abstract class AlongKernelsContract {
    private static final int ELEMENTS = 5003;
    private static final int TENSOR = 6;
    private static final int STATE_BYTES = ELEMENTS * Float.BYTES;
    private static final float EPS = 1e-3f;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final long[] listed = listed();
    private CudaRig rig;
    private MaskTables tables; // of the test's lists, once there are any

    @BeforeEach
    void open() {
        rig = new CudaRig();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    /** A pass over some elements of a tensor, on both. */
    private record Case(
            DType dtype,
            Rounding rounding,
            String direction,
            boolean vector,
            Optional<ElementMask> mask,
            Optional<Shape> shape,
            PendingUpdates pending,
            int first,
            int count) {}

    @ParameterizedTest
    @CsvSource({
        "magnitude, F32, NEAREST, gaussian",
        "magnitude, BF16, STOCHASTIC, rademacher",
        "magnitude, F16, NEAREST, rademacher",
        "indices, F32, NEAREST, gaussian",
        "indices, BF16, STOCHASTIC, rademacher",
        "random, F32, NEAREST, rademacher",
        "random, BF16, STOCHASTIC, gaussian",
        "random, F16, STOCHASTIC, gaussian"
    })
    void sumsOverAMasksElements(String mask, DType dtype, Rounding rounding, String direction) {
        float[] values = values();
        for (boolean vector : new boolean[] {false, true}) {
            for (int steps : new int[] {0, 1, 5}) {
                PendingUpdates pending = PendingUpdates.of(2, 2, sums(3, steps));
                for (int[] part : new int[][] {{0, ELEMENTS}, {1021, 1999}, {1026, 7}}) {
                    for (PendingUpdates seen : List.of(pending, pending.flushed())) {
                        check(
                                values,
                                new Case(
                                        dtype,
                                        rounding,
                                        direction,
                                        vector,
                                        Optional.of(mask(mask, values)),
                                        Optional.empty(),
                                        seen,
                                        part[0],
                                        part[1]));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "none, F32, NEAREST, gaussian",
        "none, BF16, STOCHASTIC, rademacher",
        "magnitude, BF16, NEAREST, gaussian",
        "magnitude, F16, STOCHASTIC, rademacher",
        "indices, F16, NEAREST, gaussian",
        "random, F32, NEAREST, gaussian"
    })
    void programsThatShapeZ(String mask, DType dtype, Rounding rounding, String direction) {
        float[] values = values();
        Hizoo rule = new Hizoo(1e-3);
        Optional<ElementMask> some =
                mask.equals("none") ? Optional.empty() : Optional.of(mask(mask, values));
        for (boolean vector : new boolean[] {false, true}) {
            for (int steps : new int[] {0, 1, 3}) {
                List<Update> updates = new ArrayList<>();
                for (int step = 1; step <= steps; step++) {
                    updates.add(step == 2 ? still(step) : rule.next(record(step)));
                }
                PendingUpdates pending = PendingUpdates.of(0, 2, updates);
                for (Optional<Shape> shape : List.of(rule.shape(), Optional.<Shape>empty())) {
                    for (PendingUpdates seen : List.of(pending, pending.flushed())) {
                        check(
                                values,
                                new Case(
                                        dtype, rounding, direction, vector, some, shape, seen, 1021,
                                        1999));
                    }
                }
            }
        }
    }

    /** What a rule multiplies by is each tensor's own. */
    @ParameterizedTest
    @CsvSource({"F32, NEAREST", "BF16, STOCHASTIC"})
    void programsWithFactorsOfTheTensor(DType dtype, Rounding rounding) {
        float[] values = values();
        int moved = ElementProgram.state(0);
        int change = ElementProgram.scratch(0);
        List<Update> updates = new ArrayList<>();
        for (int step = 1; step <= 3; step++) {
            float share = 0.01f * step;
            updates.add(
                    Update.of(
                            step,
                            random.nextLong(),
                            ElementProgram.builder()
                                    .times(change, id -> share * id, moved)
                                    .plus(
                                            ElementProgram.PARAMETER,
                                            ElementProgram.PARAMETER,
                                            change)
                                    .plus(moved, moved, change)
                                    .build()));
        }
        Shape along =
                (_, seed) ->
                        Optional.of(
                                ElementProgram.builder()
                                        .times(Shape.RESULT, id -> (seed % 7) * 0.1f - id, moved)
                                        .build());
        PendingUpdates pending = PendingUpdates.of(0, 2, updates);
        for (PendingUpdates seen : List.of(pending, pending.flushed())) {
            check(
                    values,
                    new Case(
                            dtype,
                            rounding,
                            "gaussian",
                            false,
                            Optional.empty(),
                            Optional.of(along),
                            seen,
                            1021,
                            1999));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "magnitude, false, 64",
        "random, false, 61",
        "random, true, 7",
        "none, true, 4097",
        "indices, false, 65"
    })
    void looksRowsUp(String mask, boolean shaped, int width) {
        int tableRows = Math.max(4, ELEMENTS / width);
        float[] table = Arrays.copyOf(values(), tableRows * width);
        int[] ids = {2, 0, tableRows - 2, 0, 1};
        Hizoo rule = new Hizoo(1e-3);
        List<Update> updates =
                shaped ? List.of(rule.next(record(1)), rule.next(record(2))) : sums(1, 2);
        PendingUpdates pending = PendingUpdates.of(0, 3, updates);
        Optional<ElementMask> some =
                mask.equals("none") ? Optional.empty() : Optional.of(mask(mask, table));
        Optional<Shape> shape = shaped ? rule.shape() : Optional.empty();
        Query query = new Query(random.nextLong(), List.of(EPS, -EPS));
        byte[] stored = Arrays.copyOf(CudaRig.pack(DType.F32, table), 2 * table.length * 4);
        StoredTensor onCpu =
                new StoredTensor(
                        MemorySegment.ofArray(stored.clone()),
                        0,
                        DType.F32,
                        TENSOR,
                        table.length,
                        false,
                        List.of(new StoredState(4L * table.length, DType.F32)));
        CudaRig.Place tensor = rig.bytes(stored);
        DeviceTensor onDevice =
                new DeviceTensor(
                        tensor.address(),
                        DType.F32,
                        TENSOR,
                        table.length,
                        false,
                        List.of(
                                new DeviceTensor.State(
                                        tensor.address() + 4L * table.length, DType.F32)));
        CudaRig.Place out = rig.poisoned(2L * ids.length * width * 4);
        try (FoldPrograms programs = programs(some)) {
            rig.kernels()
                    .rows(
                            pass(
                                    query,
                                    "gaussian",
                                    Rounding.NEAREST,
                                    some,
                                    shape,
                                    3,
                                    onDevice,
                                    programs),
                            programs.of(pending),
                            onDevice,
                            rig.ints(ids).address(),
                            1,
                            ids.length,
                            width,
                            1f,
                            false,
                            new DeviceMatrix(
                                    out.address(), (long) ids.length * width, width, DType.F32));
            float[] actual = out.read(DType.F32);
            ParameterPass cpu =
                    new ParameterPass(Directions.dense("gaussian"), some, Rounding.NEAREST);
            for (int row = 0; row < ids.length; row++) {
                float[][] formed = new float[2][width];
                cpu.range(
                        onCpu,
                        plan(pending, false, query, shape),
                        (long) (ids[row] + 1) * width,
                        width,
                        memory(formed),
                        new long[2]);
                for (int scale = 0; scale < 2; scale++) {
                    int from = (scale * ids.length + row) * width;
                    assertThat(bits(Arrays.copyOfRange(actual, from, from + width)))
                            .as("row %d, scale %d, seed %d", row, scale, seed)
                            .isEqualTo(bits(formed[scale]));
                }
            }
        }
        assertThat(tensor.read()).isEqualTo(stored);
    }

    private void check(float[] values, Case of) {
        boolean stores = random.nextBoolean();
        Query query = new Query(random.nextLong(), List.of(EPS, -EPS, 0f));
        byte[] stored = Arrays.copyOf(CudaRig.pack(of.dtype, values), 2 * STATE_BYTES);
        byte[] states = CudaRig.pack(DType.F32, states());
        System.arraycopy(states, 0, stored, STATE_BYTES, STATE_BYTES);
        byte[] expectedStored = stored.clone();
        float[][] expected = new float[3][of.count];
        new ParameterPass(Directions.dense(of.direction), of.mask, of.rounding)
                .range(
                        new StoredTensor(
                                MemorySegment.ofArray(expectedStored),
                                0,
                                of.dtype,
                                TENSOR,
                                ELEMENTS,
                                of.vector,
                                List.of(new StoredState(STATE_BYTES, DType.F32))),
                        plan(of.pending, stores, query, of.shape),
                        of.first,
                        of.count,
                        memory(expected),
                        new long[3]);
        CudaRig.Place tensor = rig.bytes(stored);
        CudaRig.Place out = rig.poisoned(3L * of.count * Float.BYTES);
        long state = tensor.address() + STATE_BYTES;
        long step = of.pending.lastStep() + 1;
        DeviceTensor onDevice =
                new DeviceTensor(
                        tensor.address(),
                        of.dtype,
                        TENSOR,
                        ELEMENTS,
                        of.vector,
                        List.of(new DeviceTensor.State(state, DType.F32)));
        try (FoldPrograms programs = programs(of.mask)) {
            rig.kernels()
                    .form(
                            pass(
                                    query,
                                    of.direction,
                                    of.rounding,
                                    of.mask,
                                    of.shape,
                                    step,
                                    onDevice,
                                    programs),
                            programs.of(of.pending, onDevice),
                            onDevice,
                            stores,
                            of.first,
                            of.count,
                            out.address(),
                            of.count,
                            DType.F32);
            float[] actual = out.read(DType.F32);
            for (int scale = 0; scale < 3; scale++) {
                int from = scale * of.count;
                assertThat(bits(Arrays.copyOfRange(actual, from, from + of.count)))
                        .as("scale %d, seed %d, %s", scale, seed, of)
                        .isEqualTo(bits(expected[scale]));
            }
        }
        // What sums pass over has states of no rule.
        int compared = of.pending.size() == 0 || isPrograms(of.pending) ? 2 : 1;
        assertThat(
                        Arrays.mismatch(
                                Arrays.copyOf(tensor.read(), compared * STATE_BYTES),
                                Arrays.copyOf(expectedStored, compared * STATE_BYTES)))
                .as("first byte that differs as stored, seed %d, %s", seed, of)
                .isEqualTo(-1);
    }

    private static boolean isPrograms(PendingUpdates pending) {
        return pending.updates().stream().anyMatch(update -> update.program().isPresent());
    }

    private FoldPrograms programs(Optional<ElementMask> mask) {
        return new FoldPrograms(rig.device(), rig.host(), 4096, device(mask));
    }

    private DeviceMask device(Optional<ElementMask> mask) {
        return mask.map(some -> DeviceMask.of(some, tables(some)).orElseThrow())
                .orElse(DeviceMask.NONE);
    }

    private IntToLongFunction tables(ElementMask mask) {
        if (!(mask instanceof ListedMask listed)) {
            return _ -> 0;
        }
        if (tables == null) {
            // Less than what passes through it.
            HostSlab staging = rig.own(rig.host().allocatePinned("lists", 64));
            tables = rig.own(new MaskTables(rig.device(), staging, listed));
        }
        return tables::address;
    }

    private WeightPass pass(
            Query query,
            String direction,
            Rounding rounding,
            Optional<ElementMask> mask,
            Optional<Shape> shape,
            long step,
            DeviceTensor tensor,
            FoldPrograms programs) {
        WeightPass pass = WeightPass.of(direction, rounding, query).masked(device(mask), step);
        if (shape.isEmpty()) {
            return pass;
        }
        ElementProgram program = shape.get().of(step, query.seed()).orElseThrow();
        return pass.shaped(programs.shaping(program, query.seed(), tensor));
    }

    private static PassPlan plan(
            PendingUpdates pending, boolean stores, Query query, Optional<Shape> shape) {
        PassPlan plan = PassPlan.querying(pending, stores, query);
        return shape.flatMap(some -> some.of(pending.lastStep() + 1, query.seed()))
                .map(plan::withShape)
                .orElse(plan);
    }

    private static MemorySegment[] memory(float[][] outputs) {
        return Arrays.stream(outputs).map(MemorySegment::ofArray).toArray(MemorySegment[]::new);
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.isNaN(values[i]) ? -1 : Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    private ElementMask mask(String name, float[] values) {
        return Masks.KINDS
                .make(
                        name,
                        Settings.NONE.with(Masks.DENSITY, 0.37).with(Masks.FILE, Path.of("lists")),
                        42)
                .over(
                        new BaseWeights() {
                            @Override
                            public List<Tensor> tensors() {
                                return List.of(
                                        new Tensor("w", TENSOR, List.of((long) values.length)));
                            }

                            @Override
                            public void read(Tensor tensor, Reader reader) {
                                reader.take(values, values.length);
                            }

                            @Override
                            public Map<String, long[]> lists(Path file) {
                                return Map.of(
                                        "w.indices",
                                        LongStream.of(listed)
                                                .filter(element -> element < values.length)
                                                .toArray());
                            }
                        });
    }

    /** Some here and there, a row of them over the end of a stretch, and none for long. */
    private long[] listed() {
        return LongStream.range(0, ELEMENTS)
                .filter(element ->
                        element < 1500
                                ? random.nextInt(40) == 0 || (element > 1019 && element < 1030)
                                : element > 3000 && random.nextInt(3) > 0)
                .toArray();
    }

    /** Zeros of both signs and what is not finite among them. */
    private float[] values() {
        float[] values = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            values[i] =
                    switch (i % 9) {
                        case 0 -> (float) random.nextGaussian() * 1e-6f;
                        case 1 -> i % 2 == 0 ? 0f : -0f;
                        case 2 -> i % 63 == 2 ? Float.NEGATIVE_INFINITY : 1;
                        default -> (float) random.nextGaussian() * 0.05f;
                    };
        }
        return values;
    }

    private float[] states() {
        float[] states = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            states[i] = random.nextFloat() * 3;
        }
        return states;
    }

    /** With and without decay, and some that change nothing. */
    private List<Update> sums(long from, int count) {
        List<Decay> decays = List.of(Decay.NONE, Decay.of(1e-3), Decay.byFactor(1e-3));
        List<Update> updates = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            if (i == 3) {
                updates.add(still(from + i));
                continue;
            }
            List<Update.Term> terms = new ArrayList<>();
            for (int k = 0; k <= i % 3; k++) {
                float coefficient = (float) random.nextGaussian() * 1e-3f;
                terms.add(new Update.Term(random.nextLong(), coefficient));
            }
            updates.add(new Update(from + i, random.nextLong(), decays.get(i % 3), terms));
        }
        return updates;
    }

    private Update still(long step) {
        return new Update(step, random.nextLong(), Decay.NONE, List.of());
    }

    private StepRecord record(long step) {
        QueryResult query =
                new QueryResult(random.nextLong(), List.of(2.5, 2.25, 2.0 + step), 3.5 - 2 * step);
        return new StepRecord(step, random.nextLong(), 1e-2, EPS, 0.1, 2, List.of(query));
    }
}
