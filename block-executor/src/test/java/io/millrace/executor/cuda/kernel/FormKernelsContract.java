package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.cpu.param.ParameterPass;
import io.millrace.executor.cpu.param.PassPlan;
import io.millrace.executor.cpu.param.StoredState;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.ElementProgram;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the fused pass writes and stores, against the CPU's: the same bits. */
abstract class FormKernelsContract {
    private static final int ELEMENTS = 5003;
    private static final float EPS = 1e-3f;
    private static final List<Decay> DECAYS =
            List.of(Decay.of(1e-3), Decay.byFactor(1e-3), Decay.NONE, Decay.of(1e-9));

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private CudaRig rig;

    @BeforeEach
    void open() {
        rig = new CudaRig();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    @ParameterizedTest
    @CsvSource({
        "F32, NEAREST, gaussian",
        "F32, STOCHASTIC, rademacher",
        "BF16, NEAREST, gaussian",
        "BF16, STOCHASTIC, gaussian",
        "BF16, NEAREST, rademacher",
        "F16, NEAREST, gaussian",
        "F16, STOCHASTIC, rademacher",
        "F16, STOCHASTIC, gaussian"
    })
    void formsAndFoldsToTheBitOfTheCpu(DType dtype, Rounding rounding, String direction) {
        float[] values = values();
        for (boolean vector : new boolean[] {false, true}) {
            for (int steps : new int[] {0, 1, 4}) {
                PendingUpdates pending = PendingUpdates.of(2, 2, updates(3, steps));
                check(dtype, rounding, direction, values, vector, pending, 0, ELEMENTS);
                check(dtype, rounding, direction, values, vector, pending, 1024, 2048);
                check(dtype, rounding, direction, values, vector, pending, 1021, 1999);
                check(dtype, rounding, direction, values, vector, pending.flushed(), 3, 1000);
            }
        }
    }

    /** Parameters and states of a program that uses every operation. */
    @ParameterizedTest
    @CsvSource({
        "F32, NEAREST, gaussian, F32, BF16",
        "BF16, STOCHASTIC, rademacher, BF16, F32",
        "F16, NEAREST, gaussian, F32, F32"
    })
    void runsProgramsToTheBitOfTheCpu(
            DType dtype, Rounding rounding, String direction, DType first, DType second) {
        List<Update> updates = new ArrayList<>();
        for (int step = 1; step <= 5; step++) {
            updates.add(Update.of(step, random.nextLong(), everyOperation()));
        }
        float[] values = values();
        int stride = ELEMENTS * Float.BYTES;
        for (boolean vector : new boolean[] {false, true}) {
            for (PendingUpdates pending :
                    List.of(
                            PendingUpdates.of(0, 2, updates),
                            PendingUpdates.of(0, 2, updates).flushed())) {
                byte[] stored = Arrays.copyOf(CudaRig.pack(dtype, values), 3 * stride);
                byte[] expectedStored = stored.clone();
                float[][] expected = new float[2][1999];
                Query query = new Query(random.nextLong(), List.of(EPS, -EPS));
                new ParameterPass(Directions.dense(direction), rounding)
                        .range(
                                new StoredTensor(
                                        MemorySegment.ofArray(expectedStored),
                                        0,
                                        dtype,
                                        7,
                                        ELEMENTS,
                                        vector,
                                        List.of(
                                                new StoredState(stride, first),
                                                new StoredState(2L * stride, second))),
                                PassPlan.querying(pending, true, query),
                                1021,
                                1999,
                                new MemorySegment[] {
                                    MemorySegment.ofArray(expected[0]),
                                    MemorySegment.ofArray(expected[1])
                                },
                                new long[2]);
                CudaRig.Place tensor = rig.bytes(stored);
                CudaRig.Place out = rig.poisoned(2L * 1999 * Float.BYTES);
                long address = tensor.address();
                DeviceTensor onDevice =
                        new DeviceTensor(
                                address,
                                dtype,
                                7,
                                ELEMENTS,
                                vector,
                                List.of(
                                        new DeviceTensor.State(address + stride, first),
                                        new DeviceTensor.State(address + 2L * stride, second)));
                rig.kernels()
                        .form(
                                WeightPass.of(direction, rounding, query),
                                rig.programs().of(pending),
                                onDevice,
                                true,
                                1021,
                                1999,
                                out.address(),
                                1999,
                                DType.F32);
                byte[] written = out.read();
                assertThat(Arrays.copyOf(written, 1999 * Float.BYTES))
                        .as("seed %d", seed)
                        .isEqualTo(CudaRig.pack(DType.F32, expected[0]));
                assertThat(Arrays.mismatch(tensor.read(), expectedStored))
                        .as("first byte that differs as stored, seed %d", seed)
                        .isEqualTo(-1);
            }
        }
    }

    private ElementProgram everyOperation() {
        int p = ElementProgram.PARAMETER;
        int m = ElementProgram.state(0);
        int v = ElementProgram.state(1);
        int g = ElementProgram.scratch(0);
        int t = ElementProgram.scratch(1);
        return ElementProgram.builder()
                .terms(
                        g,
                        t,
                        List.of(
                                new Update.Term(random.nextLong(), 0.3f),
                                new Update.Term(random.nextLong(), -0.7f)))
                .scale(m, 0.9f, m)
                .fma(m, 0.1f, g, m)
                .multiply(t, g, g)
                .scale(v, 0.99f, v)
                .fma(v, 0.01f, t, v)
                .root(t, v)
                .reach(g, 1e-1f)
                .max(t, t, g)
                .fill(g, 1e-3f)
                .plus(t, t, g)
                .divide(t, m, t)
                .decay(0.999f)
                .fma(p, -1e-2f, t, p)
                .sign(t, m)
                .moveBySum(g, -1e-3f, t, Decay.of(1e-3))
                .build();
    }

    private void check(
            DType dtype,
            Rounding rounding,
            String direction,
            float[] values,
            boolean vector,
            PendingUpdates pending,
            long first,
            int count) {
        String name =
                String.format(
                        "%s %s %s, seed %d, from %d", dtype, rounding, direction, seed, first);
        int tensorId = random.nextInt(1000);
        boolean stores = random.nextBoolean();
        Query query = new Query(random.nextLong(), List.of(EPS, -EPS));
        byte[] stored = CudaRig.pack(dtype, values);
        byte[] expectedStored = stored.clone();
        float[][] expected = new float[2][count];
        new ParameterPass(Directions.dense(direction), rounding)
                .range(
                        new StoredTensor(
                                MemorySegment.ofArray(expectedStored),
                                0,
                                dtype,
                                tensorId,
                                ELEMENTS,
                                vector),
                        PassPlan.querying(pending, stores, query),
                        first,
                        count,
                        new MemorySegment[] {
                            MemorySegment.ofArray(expected[0]), MemorySegment.ofArray(expected[1])
                        },
                        new long[2]);
        for (DType outType : List.of(DType.F32, DType.BF16, DType.F16)) {
            CudaRig.Place tensor = rig.bytes(stored);
            CudaRig.Place out = rig.poisoned(2L * count * outType.sizeBytes());
            WeightPass pass = WeightPass.of(direction, rounding, query);
            rig.kernels()
                    .form(
                            pass,
                            rig.programs().of(pending),
                            tensor(tensor, dtype, tensorId, vector),
                            stores,
                            first,
                            count,
                            out.address(),
                            count,
                            outType);
            byte[] written = out.read();
            for (int scale = 0; scale < 2; scale++) {
                int bytes = count * outType.sizeBytes();
                byte[] part = Arrays.copyOfRange(written, scale * bytes, (scale + 1) * bytes);
                assertThat(Arrays.mismatch(part, CudaRig.pack(outType, expected[scale])))
                        .as("scale %d of %s as %s: first byte that differs", scale, name, outType)
                        .isEqualTo(-1);
            }
            assertThat(Arrays.mismatch(tensor.read(), expectedStored))
                    .as("first byte that differs as stored, %s", name)
                    .isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "BF16, gaussian, 64",
        "F32, rademacher, 61",
        "F16, gaussian, 7",
        "BF16, gaussian, 4097"
    })
    void looksRowsUpPerturbed(DType dtype, String direction, int width) {
        int tableRows = Math.max(4, ELEMENTS / width);
        float[] table = new float[tableRows * width];
        for (int i = 0; i < table.length; i++) {
            table[i] = (float) random.nextGaussian() * 0.02f;
        }
        byte[] stored = CudaRig.pack(dtype, table);
        int[] ids = {2, 0, tableRows - 2, 0, 1};
        PendingUpdates pending = PendingUpdates.of(0, 3, updates(1, 4));
        Query query = new Query(random.nextLong(), List.of(EPS, -EPS));
        float[] before = new float[2 * ids.length * width];
        for (int i = 0; i < before.length; i++) {
            before[i] = (float) random.nextGaussian();
        }
        CudaRig.Place tensor = rig.bytes(stored);
        CudaRig.Place out = rig.values(DType.F32, before);
        long stride = (long) ids.length * width;
        rig.kernels()
                .rows(
                        WeightPass.of(direction, Rounding.NEAREST, query),
                        rig.programs().of(pending),
                        new DeviceTensor(tensor.address(), dtype, 9, table.length, false),
                        rig.ints(ids).address(),
                        1,
                        ids.length,
                        width,
                        1.5f,
                        true,
                        new DeviceMatrix(out.address(), stride, width, DType.F32));
        float[] actual = out.read(DType.F32);
        ParameterPass cpu = new ParameterPass(Directions.dense(direction), Rounding.NEAREST);
        for (int row = 0; row < ids.length; row++) {
            float[][] formed = new float[2][width];
            cpu.range(
                    new StoredTensor(
                            MemorySegment.ofArray(stored), 0, dtype, 9, table.length, false),
                    PassPlan.querying(pending, false, query),
                    (long) (ids[row] + 1) * width,
                    width,
                    new MemorySegment[] {
                        MemorySegment.ofArray(formed[0]), MemorySegment.ofArray(formed[1])
                    },
                    new long[2]);
            for (int scale = 0; scale < 2; scale++) {
                for (int column = 0; column < width; column++) {
                    int at = Math.toIntExact(scale * stride) + row * width + column;
                    assertThat(actual[at])
                            .as("row %d, column %d, scale %d, seed %d", row, column, scale, seed)
                            .isEqualTo(before[at] + formed[scale][column] * 1.5f);
                }
            }
        }
        assertThat(tensor.read()).isEqualTo(stored);
    }

    @Test
    void aProgramLongerThanAnyBeforeStillFolds() {
        float[] values = values();
        PendingUpdates pending = PendingUpdates.of(0, 1, updates(1, 300));
        check(DType.BF16, Rounding.NEAREST, "rademacher", values, false, pending, 0, 640);
    }

    @Test
    void atThetaItselfNothingIsAdded() {
        float[] values = values();
        CudaRig.Place tensor = rig.values(DType.F32, values);
        CudaRig.Place out = rig.poisoned(4L * ELEMENTS);
        rig.kernels()
                .form(
                        WeightPass.of("gaussian", Rounding.NEAREST, new Query(1, List.of(0f))),
                        FoldProgram.EMPTY,
                        tensor(tensor, DType.F32, 0, false),
                        true,
                        0,
                        ELEMENTS,
                        out.address(),
                        0,
                        DType.F32);
        assertThat(out.read()).isEqualTo(CudaRig.pack(DType.F32, values));
    }

    private DeviceTensor tensor(CudaRig.Place place, DType dtype, int id, boolean vector) {
        return new DeviceTensor(place.address(), dtype, id, ELEMENTS, vector);
    }

    /** Values of many sizes: subnormal halves, zeros of both signs, beyond the largest half. */
    private float[] values() {
        float[] values = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            values[i] =
                    switch (i % 7) {
                        case 0 -> (float) random.nextGaussian() * 1e-6f;
                        case 1 -> i % 2 == 0 ? 0f : -0f;
                        case 2 -> (float) random.nextGaussian() * 60000;
                        default -> (float) random.nextGaussian() * 0.05f;
                    };
        }
        return values;
    }

    private List<Update> updates(long from, int count) {
        List<Update> updates = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Update.Term> terms = new ArrayList<>();
            for (int k = 0; k <= i % 3; k++) {
                terms.add(
                        new Update.Term(random.nextLong(), (float) random.nextGaussian() * 1e-3f));
            }
            Decay decay = DECAYS.get(i % DECAYS.size());
            updates.add(new Update(from + i, random.nextLong(), decay, terms));
        }
        return updates;
    }
}
