package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.cpu.param.FactorKernels;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.cpu.param.LeftSide;
import io.millrace.executor.cpu.param.LowRankPass;
import io.millrace.executor.cpu.param.LowRankPlan;
import io.millrace.executor.cpu.param.ParameterPass;
import io.millrace.executor.cpu.param.PassPlan;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.random.StreamIds;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.FactorSchedule;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Thin factors, what updates gather, folds and lookups: the same bits as the CPU's. */
abstract class LowRankKernelsContract {
    private static final int TENSOR = 11;
    private static final int WINDOW = 4;
    private static final float EPS = 1e-3f;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private CudaRig rig;
    private LowRankKernels kernels;

    @BeforeEach
    void open() {
        rig = new CudaRig();
        long stream = rig.device().compute().handle();
        kernels = new LowRankKernels(rig.device().api(), rig.kernels().module(), stream);
    }

    @AfterEach
    void close() {
        kernels.close();
        rig.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 64, 40", "2, 301, 77", "3, 50, 1025", "7, 9, 11", "300, 310, 305"})
    void writesThinFactors(int rank, int rows, int columns) {
        LowRankDirection direction = direction(rank);
        long step = 1L + random.nextInt(20);
        float[] left = normals(rows * rank, 1e-3f);
        FactorTrack track = track(direction, rows, columns, left.clone(), Optional.empty());
        Query query = new Query(random.nextLong(), List.of(EPS, -EPS, 0.25f));
        FactorKernels cpu = new FactorKernels(rank);
        ThinMatrix matrix = matrix(rig.values(DType.F32, 0f), DType.F32, direction, rows, columns);
        for (boolean withLeft : new boolean[] {false, true}) {
            float[] right = new float[columns * rank];
            float[] sides = new float[3 * rows * rank];
            track.left().copyFrom(of(left));
            cpu.right(track, step, 0, columns, MemorySegment.ofArray(right));
            cpu.sides(
                    track.side(withLeft, Optional.empty(), Optional.empty(), List.of(query)),
                    rows,
                    0,
                    rows,
                    MemorySegment.ofArray(sides));
            CudaRig.Place deviceRight = rig.poisoned((long) right.length * Float.BYTES);
            CudaRig.Place deviceSides = rig.poisoned((long) sides.length * Float.BYTES);
            long deviceLeft = withLeft ? rig.values(DType.F32, left).address() : 0;
            kernels.factors(
                    matrix,
                    direction.fixedSeed(step),
                    1,
                    new ThinSide(
                            deviceLeft,
                            deviceRight.address(),
                            0,
                            deviceSides.address(),
                            (long) rows * rank,
                            Decay.NONE,
                            query.seed(),
                            query.scales()));
            sameBits(deviceRight.read(), right, "V");
            sameBits(deviceSides.read(), sides, "sides");
        }
        CudaRig.Place alone = rig.poisoned((long) columns * rank * Float.BYTES);
        float[] right = new float[columns * rank];
        cpu.right(track, step + WINDOW, 0, columns, MemorySegment.ofArray(right));
        kernels.right(matrix, direction.fixedSeed(step + WINDOW), alone.address());
        sameBits(alone.read(), right, "V of the next window");
    }

    @ParameterizedTest
    @CsvSource({"1, false, 4", "2, false, 2", "2, true, 4", "3, true, 1", "5, true, 2"})
    void gathersWhatUpdatesAdd(int rank, boolean withMomentum, int foldEvery) {
        int rows = 203;
        int columns = 61;
        int elements = 517;
        LowRankDirection direction = direction(rank);
        float[] left = new float[rows * rank];
        float[] momentum = new float[rows * rank];
        float[] sums = new float[elements];
        Optional<MemorySegment> cpuMomentum =
                withMomentum ? Optional.of(MemorySegment.ofArray(momentum)) : Optional.empty();
        FactorTrack matrixTrack =
                FactorTrack.ofMatrix(
                        direction,
                        foldEvery,
                        TENSOR,
                        rows,
                        columns,
                        MemorySegment.ofArray(left),
                        cpuMomentum);
        FactorTrack vectorTrack =
                FactorTrack.ofVector(
                        direction, foldEvery, TENSOR + 1, elements, MemorySegment.ofArray(sums));
        // L of a period begins at zero, whatever lies there; N begins at zero with the run.
        CudaRig.Place deviceLeft = rig.poisoned(left.length * 4L);
        CudaRig.Place deviceMomentum = rig.bytes(new byte[momentum.length * 4]);
        CudaRig.Place deviceSums = rig.poisoned(elements * 4L);
        CudaRig.Place turned = rig.poisoned(momentum.length * 4L);
        CudaRig.Place before = rig.poisoned(4L * columns * rank);
        CudaRig.Place after = rig.poisoned(4L * columns * rank);
        CudaRig.Place overlap = rig.poisoned(4L * rank * rank);
        ThinMatrix matrix = matrix(rig.values(DType.F32, 0f), DType.F32, direction, rows, columns);
        byte[] table = new byte[2 * LowRankKernels.GATHERED_BYTES];
        row(table, 0, deviceLeft, withMomentum ? deviceMomentum.address() : 0, left.length, 1);
        row(table, 1, deviceSums, 0, elements, 0);
        CudaRig.Place deviceTable = rig.bytes(table);
        FactorSchedule schedule = new FactorSchedule(direction, foldEvery, withMomentum);
        FactorKernels cpu = new FactorKernels(rank);
        List<Update> updates = updates(11, withMomentum, foldEvery == 2);
        for (int step : new int[] {1, 3, 4, 5, 9, 11}) {
            bring(matrixTrack, cpu, updates, step);
            bring(vectorTrack, cpu, updates, step);
            schedule.aim(step);
            while (schedule.step() < step) {
                FactorSchedule.Leg leg = schedule.leg(updates.subList((int) schedule.step(), step));
                if (leg.turns()) {
                    kernels.right(matrix, direction.fixedSeed(schedule.step()), before.address());
                    kernels.right(
                            matrix, direction.fixedSeed(schedule.step() + 1), after.address());
                    kernels.overlap(matrix, before.address(), after.address(), overlap.address());
                    kernels.turn(
                            matrix, deviceMomentum.address(), overlap.address(), turned.address());
                    rig.device()
                            .api()
                            .copyDtoD(
                                    deviceMomentum.address(),
                                    turned.address(),
                                    momentum.length * 4L,
                                    rig.device().compute().handle());
                }
                kernels.gather(
                        deviceTable.address(),
                        2,
                        Math.max(left.length, elements),
                        rig.programs().gathering(leg.updates(), schedule),
                        StreamIds.LOW_RANK_U);
                schedule.complete(leg);
            }
            assertThat(schedule.decay()).isEqualTo(matrixTrack.decay());
            sameBits(deviceLeft.read(), left, "L after step " + step);
            sameBits(deviceSums.read(), sums, "sums after step " + step);
            if (withMomentum) {
                sameBits(deviceMomentum.read(), momentum, "N after step " + step);
            }
        }
    }

    private static void bring(
            FactorTrack track, FactorKernels cpu, List<Update> updates, int step) {
        track.aim(step);
        while (track.step() < step) {
            FactorTrack.Leg leg = track.leg(updates.subList((int) track.step(), step), cpu);
            cpu.advance(track, leg, 0, track.rows());
            track.complete(leg);
        }
    }

    private static void row(
            byte[] table, int index, CudaRig.Place left, long momentum, long count, int matrix) {
        MemorySegment place =
                MemorySegment.ofArray(table).asSlice((long) index * LowRankKernels.GATHERED_BYTES);
        place.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, left.address());
        place.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, momentum);
        place.set(ValueLayout.JAVA_LONG_UNALIGNED, 16, count);
        place.set(ValueLayout.JAVA_INT_UNALIGNED, 24, TENSOR + index);
        place.set(ValueLayout.JAVA_INT_UNALIGNED, 28, matrix);
    }

    @ParameterizedTest
    @CsvSource({
        "F32, NEAREST, 1, 64",
        "BF16, NEAREST, 2, 64",
        "BF16, STOCHASTIC, 3, 61",
        "F16, NEAREST, 2, 7",
        "F16, STOCHASTIC, 2, 4101"
    })
    void foldsAndLooksUp(DType dtype, Rounding rounding, int rank, int columns) {
        int rows = Math.max(5, 9000 / columns);
        LowRankDirection direction = direction(rank);
        float[] values = normals(rows * columns, 0.05f);
        float[] left = normals(rows * rank, 1e-2f);
        float[] beside = normals(rows * rank, 1e-2f);
        float[] before = normals(columns * rank, 1f);
        float[] now = normals(columns * rank, 1f);
        long roundSeed = random.nextLong();
        Query query = new Query(random.nextLong(), List.of(EPS, -EPS));
        byte[] stored = CudaRig.pack(dtype, values);
        Decay decay = rank == 2 ? Decay.byFactor(0.03) : Decay.of(0.03);
        LowRankPlan.Fold fold =
                new LowRankPlan.Fold(
                        decay, side(direction, left, List.of()), of(before), roundSeed, true);
        LowRankPlan.Side side =
                new LowRankPlan.Side(
                        columns == 7 ? Decay.NONE : decay,
                        side(direction, beside, List.of(query)),
                        of(now));

        byte[] folded = stored.clone();
        float[][] seen = new float[2][rows * columns];
        run(direction, rounding, dtype, folded, columns, Optional.of(fold), side, seen);
        CudaRig.Place deviceBefore = rig.values(DType.F32, before);
        CudaRig.Place deviceLeft = rig.values(DType.F32, left);
        ThinFold deviceFold =
                new ThinFold(
                        deviceLeft.address(),
                        deviceBefore.address(),
                        decay,
                        rounding == Rounding.STOCHASTIC,
                        roundSeed,
                        true);
        ThinFold unstored =
                new ThinFold(
                        deviceFold.left(),
                        deviceFold.right(),
                        deviceFold.decay(),
                        deviceFold.stochastic(),
                        roundSeed,
                        false);

        // Some rows that are formed and not stored, then all that are stored.
        CudaRig.Place place = rig.bytes(stored);
        ThinMatrix matrix = matrix(place, dtype, direction, rows, columns);
        for (DType outType : List.of(DType.F32, dtype)) {
            CudaRig.Place out = rig.poisoned(3L * columns * outType.sizeBytes());
            kernels.form(matrix, unstored, 2, 3, out.address(), outType);
            float[] rowsOfAll =
                    Arrays.copyOfRange(CudaRig.unpack(dtype, folded), 2 * columns, 5 * columns);
            same(out.read(), CudaRig.pack(outType, rowsOfAll), "formed as " + outType);
        }
        same(place.read(), stored, "what is not stored");
        lookUp(matrix, unstored, side, query, beside, now, seen);
        kernels.form(matrix, deviceFold, 0, rows, 0, DType.F32);
        same(place.read(), folded, "stored");

        float[][] unfolded = new float[2][rows * columns];
        run(direction, rounding, dtype, folded, columns, Optional.empty(), side, unfolded);
        lookUp(matrix, ThinFold.NONE, side, query, beside, now, unfolded);
    }

    private static LeftSide side(
            LowRankDirection direction, float[] gathered, List<Query> queries) {
        return new LeftSide(
                direction,
                TENSOR,
                direction.rank(),
                direction.scale(),
                Optional.of(of(gathered)),
                Optional.empty(),
                Optional.empty(),
                queries);
    }

    private void lookUp(
            ThinMatrix matrix,
            ThinFold fold,
            LowRankPlan.Side side,
            Query query,
            float[] beside,
            float[] now,
            float[][] expected) {
        int columns = Math.toIntExact(matrix.columns());
        int[] ids = {2, 0, Math.toIntExact(matrix.rows()) - 2, 2};
        float[] old = normals(2 * ids.length * columns, 1f);
        CudaRig.Place out = rig.values(DType.F32, old);
        int stride = ids.length * columns;
        kernels.rows(
                matrix,
                fold,
                new ThinSide(
                        rig.values(DType.F32, beside).address(),
                        rig.values(DType.F32, now).address(),
                        0,
                        0,
                        0,
                        side.decay(),
                        query.seed(),
                        query.scales()),
                new ThinSide.Rows(
                        rig.ints(ids).address(),
                        1,
                        ids.length,
                        1.5f,
                        true,
                        new DeviceMatrix(out.address(), stride, columns, DType.F32)));
        float[] sums = old.clone();
        for (int scale = 0; scale < 2; scale++) {
            for (int i = 0; i < stride; i++) {
                int element = (ids[i / columns] + 1) * columns + i % columns;
                sums[scale * stride + i] += expected[scale][element] * 1.5f;
            }
        }
        sameBits(out.read(), sums, "looked up");
    }

    private static void run(
            LowRankDirection direction,
            Rounding rounding,
            DType dtype,
            byte[] bytes,
            int columns,
            Optional<LowRankPlan.Fold> fold,
            LowRankPlan.Side side,
            float[][] seen) {
        int elements = bytes.length / dtype.sizeBytes();
        new LowRankPass(direction.rank(), rounding)
                .range(
                        new StoredTensor(
                                MemorySegment.ofArray(bytes), 0, dtype, TENSOR, elements, false),
                        new LowRankPlan(columns, fold, Optional.of(side)),
                        0,
                        elements,
                        new MemorySegment[] {of(seen[0]), of(seen[1])},
                        new long[2]);
    }

    @ParameterizedTest
    @CsvSource({"F32, NEAREST, true", "BF16, STOCHASTIC, true", "F16, NEAREST, false"})
    void addsToVectorsWhatTheirUpdatesSummed(DType dtype, Rounding rounding, boolean due) {
        int elements = 1003;
        float[] sums = normals(elements, 1e-2f);
        byte[] stored = CudaRig.pack(dtype, normals(elements, 0.3f));
        List<Update> updates = updates(3, false, false);
        PendingUpdates pending = PendingUpdates.of(0, due ? 3 : 4, updates);
        Query query = new Query(random.nextLong(), List.of(EPS, -EPS));
        byte[] folded = stored.clone();
        float[][] expected = new float[2][elements];
        new ParameterPass(new GaussianDirection(), rounding)
                .range(
                        new StoredTensor(
                                MemorySegment.ofArray(folded), 0, dtype, TENSOR, elements, true),
                        PassPlan.querying(pending, true, query).withGathered(of(sums)),
                        0,
                        elements,
                        new MemorySegment[] {of(expected[0]), of(expected[1])},
                        new long[2]);
        CudaRig.Place place = rig.bytes(stored);
        CudaRig.Place out = rig.poisoned(2L * elements * 4);
        FoldProgram program = due ? rig.programs().folding(updates.getLast()) : FoldProgram.EMPTY;
        rig.kernels()
                .form(
                        WeightPass.of("gaussian", rounding, query),
                        program.withSums(rig.values(DType.F32, sums).address()),
                        new DeviceTensor(place.address(), dtype, TENSOR, elements, true),
                        true,
                        0,
                        elements,
                        out.address(),
                        elements,
                        DType.F32);
        float[] both = Arrays.copyOf(expected[0], 2 * elements);
        System.arraycopy(expected[1], 0, both, elements, elements);
        sameBits(out.read(), both, "formed");
        same(place.read(), folded, "stored");
    }

    @ParameterizedTest
    @CsvSource({
        "F32, 1, 13, 64, false, false",
        "BF16, 2, 37, 301, true, false",
        "F16, 4, 16, 1024, false, true",
        "BF16, 6, 5, 7, true, true",
        "F32, 9, 33, 96, true, true"
    })
    void multipliesBesideAProduct(
            DType type, int rank, int rows, int columns, boolean ownFactors, boolean accumulate) {
        int width = columns + 9;
        int rowStride = columns + 8;
        float[] x = CudaRig.rounded(type, normals(2 * rows * rowStride, 1f));
        float[] in = normals(2 * rank * columns, 1f);
        float[] out = normals(2 * rank * width, 0.5f);
        int factorIn = ownFactors ? rank * columns : 0;
        int factorOut = ownFactors ? 0 : rank * width;
        CudaRig.Place thin = rig.poisoned(2L * rows * rank * 4);
        kernels.project(
                new DeviceMatrix(
                        rig.values(type, x).address(), (long) rows * rowStride, rowStride, type),
                rig.values(DType.F32, in).address(),
                factorIn,
                columns,
                rank,
                thin.address(),
                rows,
                2);
        float[] products = thin.read(DType.F32);
        for (int at = 0; at < products.length; at++) {
            int scale = at / (rows * rank);
            int row = at / rank % rows;
            double sum = 0;
            double size = 0;
            for (int c = 0; c < columns; c++) {
                double term =
                        (double) x[(scale * rows + row) * rowStride + c]
                                * in[scale * factorIn + at % rank * columns + c];
                sum += term;
                size += Math.abs(term);
            }
            assertThat(Math.abs(products[at] - sum))
                    .as("product %d, seed %d", at, seed)
                    .isLessThan(1e-6 * size);
        }
        float[] old = CudaRig.rounded(type, normals(2 * rows * width, 1f));
        CudaRig.Place y = accumulate ? rig.values(type, old) : rig.poisoned(old.length * 4L);
        kernels.spread(
                new DeviceMatrix(thin.address(), (long) rows * rank, rank, DType.F32),
                new DeviceMatrix(rig.values(DType.F32, out).address(), factorOut, width, DType.F32),
                rank,
                new DeviceMatrix(y.address(), (long) rows * width, width, type),
                rows,
                width,
                2,
                accumulate);
        float[] expected = new float[old.length];
        for (int at = 0; at < old.length; at++) {
            int scale = at / (rows * width);
            int row = at / width % rows;
            float sum = accumulate ? old[at] : 0f;
            for (int j = 0; j < rank; j++) {
                float factor = out[scale * factorOut + j * width + at % width];
                sum = Math.fma(factor, products[(scale * rows + row) * rank + j], sum);
            }
            expected[at] = sum;
        }
        same(y.read((long) old.length * type.sizeBytes()), CudaRig.pack(type, expected), "spread");
    }

    private LowRankDirection direction(int rank) {
        return new LowRankDirection(random.nextLong(), rank, WINDOW);
    }

    private static FactorTrack track(
            LowRankDirection direction,
            int rows,
            int columns,
            float[] left,
            Optional<MemorySegment> momentum) {
        return FactorTrack.ofMatrix(direction, WINDOW, TENSOR, rows, columns, of(left), momentum);
    }

    private static ThinMatrix matrix(
            CudaRig.Place place, DType dtype, LowRankDirection direction, int rows, int columns) {
        return new ThinMatrix(
                new DeviceTensor(place.address(), dtype, TENSOR, (long) rows * columns, false),
                columns,
                direction.rank(),
                direction.scale());
    }

    private static MemorySegment of(float[] values) {
        return MemorySegment.ofArray(values);
    }

    private float[] normals(int count, float scale) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() * scale;
        }
        return values;
    }

    private List<Update> updates(int count, boolean withMomentum, boolean byFactor) {
        List<Update> updates = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            List<Update.Term> terms = terms(1 + i % 3);
            Optional<Update.Momentum> momentum =
                    withMomentum
                            ? Optional.of(new Update.Momentum(0.9f, -1e-2f, terms(1 + i % 3)))
                            : Optional.empty();
            Decay decay =
                    i % 3 == 0 ? Decay.NONE : byFactor ? Decay.byFactor(1e-3) : Decay.of(1e-4);
            updates.add(new Update(i, random.nextLong(), decay, terms, momentum, Optional.empty()));
        }
        return updates;
    }

    private List<Update.Term> terms(int count) {
        List<Update.Term> terms = new ArrayList<>();
        for (int k = 0; k < count; k++) {
            terms.add(new Update.Term(random.nextLong(), (float) random.nextGaussian() * 1e-2f));
        }
        return terms;
    }

    private void sameBits(byte[] actual, float[] expected, String name) {
        same(actual, CudaRig.pack(DType.F32, expected), name);
    }

    private void same(byte[] actual, byte[] expected, String name) {
        assertThat(Arrays.mismatch(actual, expected))
                .as("%s, seed %d: first byte that differs", name, seed)
                .isEqualTo(-1);
    }
}
