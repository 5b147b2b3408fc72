package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.cpu.param.FactorKernels;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.cpu.param.GramSchmidt;
import io.millrace.executor.cpu.param.LeftSide;
import io.millrace.executor.cpu.param.LowRankPass;
import io.millrace.executor.cpu.param.LowRankPlan;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.FactoredDirection.Core;
import io.millrace.optim.direction.FactoredDirection.Streams;
import io.millrace.optim.direction.SubspaceDirection;
import io.millrace.optim.direction.TezoDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.FactorSchedule;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Factors that stay, cores between them, folds and lookups: the same bits as the CPU's. */
abstract class CoreKernelsContract {
    private static final int TENSOR = 11;
    private static final int WINDOW = 4;
    private static final float EPS = 1e-3f;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private CudaRig rig;
    private CoreKernels kernels;
    private LowRankKernels thin;

    @BeforeEach
    void open() {
        rig = new CudaRig();
        long stream = rig.device().compute().handle();
        kernels = new CoreKernels(rig.device().api(), rig.kernels().module(), stream);
        thin = new LowRankKernels(rig.device().api(), rig.kernels().module(), stream);
    }

    @AfterEach
    void close() {
        thin.close();
        kernels.close();
        rig.close();
    }

    private FactoredDirection direction(String name, int rank) {
        long run = random.nextLong();
        return name.equals("subspace")
                ? new SubspaceDirection(run, rank, WINDOW)
                : new TezoDirection(run, rank, WINDOW);
    }

    /** A matrix on both, with the fixed factors of a step. */
    private final class Case {
        final FactoredDirection direction;
        final Streams streams;
        final int rows;
        final int columns;
        final int rank;
        final long step = 1L + random.nextInt(20);
        final float[] gathered;
        final FactorTrack track;
        final FactorKernels cpu;
        final float[] left; // [m, r]
        final float[] right; // [r, n]
        final CudaRig.Place deviceLeft; // [r, m]
        final CudaRig.Place deviceRight;

        Case(String name, int mostRank, int rows, int columns) {
            this.rows = rows;
            this.columns = columns;
            direction = direction(name, mostRank);
            streams = direction.streams().orElseThrow();
            rank = direction.rank(rows, columns);
            gathered = normals(floats());
            float[] kept = gathered.clone();
            track =
                    FactorTrack.ofMatrix(
                            direction,
                            WINDOW,
                            TENSOR,
                            rows,
                            columns,
                            MemorySegment.ofArray(kept),
                            Optional.empty());
            track.left().copyFrom(MemorySegment.ofArray(gathered));
            cpu = new FactorKernels(rank);
            left = new float[rows * rank];
            right = new float[rank * columns];
            fill();
            deviceLeft = made(streams.left(), rows);
            deviceRight = made(streams.right(), columns);
        }

        int floats() {
            return (int) direction.core().floats(rows, columns, rank);
        }

        private void fill() {
            if (!direction.isOrthonormal()) {
                cpu.left(track, step, 0, rows, MemorySegment.ofArray(left));
                cpu.right(track, step, 0, columns, MemorySegment.ofArray(right));
                return;
            }
            orthonormal(true, rows, left);
            orthonormal(false, columns, right);
        }

        private void orthonormal(boolean ofLeft, int length, float[] out) {
            int stride = GramSchmidt.stride(rank);
            MemorySegment q = MemorySegment.ofArray(new double[length * stride]);
            cpu.widen(track, step, ofLeft, 0, length, q);
            for (int column = 0; column < rank; column++) {
                GramSchmidt.normalize(q, length, stride, column);
                for (int group = (column + 1) / GramSchmidt.COLUMNS;
                        group < stride / GramSchmidt.COLUMNS;
                        group++) {
                    GramSchmidt.subtract(q, length, stride, column, group);
                }
            }
            cpu.narrow(rank, q, 0, length, MemorySegment.ofArray(out), ofLeft ? 0 : length);
        }

        private CudaRig.Place made(int stream, int length) {
            CudaRig.Place out = rig.poisoned(4L * length * rank);
            CoreKernels.Factor factor =
                    new CoreKernels.Factor(TENSOR, stream, direction.fixedSeed(step), length, rank);
            if (direction.isOrthonormal()) {
                CudaRig.Place wide = rig.poisoned(8L * length * rank);
                kernels.orthonormal(factor, wide.address(), out.address());
            } else {
                kernels.fixed(factor, out.address());
            }
            return out;
        }

        CoreKernels.Core core(boolean withGathered) {
            long address = withGathered ? rig.values(DType.F32, gathered).address() : 0;
            return new CoreKernels.Core(
                    TENSOR, streams.core(), floats(), direction.scale(rows, columns), address);
        }

        LeftSide side(boolean withGathered, List<Query> queries) {
            int cores = Math.max(1, queries.stream().mapToInt(q -> q.scales().size()).sum());
            MemorySegment place = MemorySegment.ofArray(new float[cores * floats()]);
            LeftSide side =
                    track.side(
                            withGathered,
                            Optional.of(MemorySegment.ofArray(left)),
                            Optional.of(place),
                            queries);
            cpu.cores(side);
            return side;
        }

        /** w of some queries on the device, [scales, r, m]. */
        CudaRig.Place sides(boolean withGathered, List<Query> queries) {
            int scales = queries.stream().mapToInt(query -> query.scales().size()).sum();
            CudaRig.Place cores = rig.poisoned(4L * scales * floats());
            CudaRig.Place out = rig.poisoned(4L * scales * rows * rank);
            long place = cores.address();
            for (Query query : queries) {
                kernels.cores(core(withGathered), query.seed(), query.scales(), place);
                place += 4L * query.scales().size() * floats();
            }
            write(cores.address(), scales, false, out);
            return out;
        }

        void write(long cores, int count, boolean byRows, CudaRig.Place out) {
            kernels.sides(
                    new CoreKernels.Left(deviceLeft.address(), rows, rank),
                    cores,
                    direction.core() == Core.DIAGONAL,
                    count,
                    byRows,
                    out.address());
        }

        ThinMatrix matrix(CudaRig.Place stored, DType dtype) {
            DeviceTensor tensor =
                    new DeviceTensor(stored.address(), dtype, TENSOR, (long) rows * columns, false);
            return new ThinMatrix(tensor, columns, rank, 1);
        }

        /** What a fold adds. */
        ThinFold fold(Decay decay, Rounding rounding, long roundingSeed) {
            CudaRig.Place core = rig.poisoned(4L * floats());
            CudaRig.Place w = rig.poisoned(4L * rows * rank);
            kernels.cores(core(true), 0, List.of(), core.address());
            write(core.address(), 1, true, w);
            return new ThinFold(
                    w.address(),
                    deviceRight.address(),
                    decay,
                    rounding == Rounding.STOCHASTIC,
                    roundingSeed,
                    true);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "subspace, 1, 64, 40",
        "subspace, 5, 301, 77",
        "subspace, 64, 90, 33",
        "subspace, 300, 310, 305",
        "tezo, 1, 64, 40",
        "tezo, 24, 50, 1025",
        "tezo, 40, 9, 11"
    })
    void writesFixedFactorsAndSides(String name, int mostRank, int rows, int columns) {
        Case on = new Case(name, mostRank, rows, columns);
        float[] transposed = new float[on.left.length];
        for (int row = 0; row < rows; row++) {
            for (int j = 0; j < on.rank; j++) {
                transposed[j * rows + row] = on.left[row * on.rank + j];
            }
        }
        sameBits(on.deviceLeft, transposed, "U");
        sameBits(on.deviceRight, on.right, "V");
        List<Query> queries =
                List.of(
                        new Query(random.nextLong(), List.of(EPS, -EPS)),
                        new Query(random.nextLong(), List.of(0f, 0.25f, EPS)));
        for (boolean withGathered : new boolean[] {false, true}) {
            float[] sides = new float[5 * rows * on.rank];
            on.cpu.sides(
                    on.side(withGathered, queries), rows, 0, rows, MemorySegment.ofArray(sides));
            sameBits(on.sides(withGathered, queries), sides, "sides");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "subspace, 3, F32, NEAREST",
        "subspace, 24, BF16, STOCHASTIC",
        "tezo, 3, BF16, NEAREST",
        "tezo, 24, F16, STOCHASTIC"
    })
    void foldsAndLooksRowsUp(String name, int mostRank, DType dtype, Rounding rounding) {
        Case on = new Case(name, mostRank, 53, 77);
        float[] values = CudaRig.rounded(dtype, normals(53 * 77));
        for (Decay decay : List.of(Decay.NONE, Decay.of(1e-3), Decay.byFactor(1e-3))) {
            long roundingSeed = random.nextLong();
            byte[] expected = CudaRig.pack(dtype, values);
            StoredTensor stored =
                    new StoredTensor(
                            MemorySegment.ofArray(expected), 0, dtype, TENSOR, 53 * 77, false);
            LowRankPlan.Fold fold =
                    new LowRankPlan.Fold(
                            decay,
                            on.side(true, List.of()),
                            MemorySegment.ofArray(on.right),
                            roundingSeed,
                            true);
            LowRankPass pass = new LowRankPass(on.rank, rounding);
            LowRankPlan folding = new LowRankPlan(77, Optional.of(fold), Optional.empty());
            pass.range(stored, folding, 0, 53 * 77, new MemorySegment[0], new long[0]);
            CudaRig.Place tensor = rig.values(dtype, values);
            ThinMatrix matrix = on.matrix(tensor, dtype);
            thin.form(matrix, on.fold(decay, rounding, roundingSeed), 0, 53, 0, DType.F32);
            assertThat(tensor.read()).as("seed %d", seed).isEqualTo(expected);

            Query query = new Query(random.nextLong(), List.of(EPS, -EPS));
            LowRankPlan.Side side =
                    new LowRankPlan.Side(
                            decay, on.side(true, List.of(query)), MemorySegment.ofArray(on.right));
            LowRankPlan looking = new LowRankPlan(77, Optional.empty(), Optional.of(side));
            int[] ids = {3, 0, 51, 3};
            CudaRig.Place out = rig.poisoned(4L * 2 * ids.length * 77);
            thin.rows(
                    matrix,
                    ThinFold.NONE,
                    new ThinSide(
                            0,
                            on.deviceRight.address(),
                            0,
                            on.sides(true, List.of(query)).address(),
                            53L * on.rank,
                            decay,
                            query.seed(),
                            query.scales()),
                    new ThinSide.Rows(
                            rig.ints(ids).address(),
                            1,
                            ids.length,
                            1f,
                            false,
                            new DeviceMatrix(out.address(), ids.length * 77L, 77, DType.F32)));
            float[] seen = new float[2 * ids.length * 77];
            for (int row = 0; row < ids.length; row++) {
                MemorySegment all = MemorySegment.ofArray(seen);
                pass.range(
                        stored,
                        looking,
                        (ids[row] + 1) * 77L,
                        77,
                        new MemorySegment[] {all, all},
                        new long[] {4L * row * 77, 4L * (ids.length + row) * 77});
            }
            sameBits(out, seen, "rows");
        }
    }

    @ParameterizedTest
    @CsvSource({"subspace, 7, 2", "subspace, 1, 4", "tezo, 7, 4", "tezo, 30, 1"})
    void gathersWhatUpdatesAdd(String name, int mostRank, int foldEvery) {
        FactoredDirection direction = direction(name, mostRank);
        Streams streams = direction.streams().orElseThrow();
        int rows = 61;
        int columns = 45;
        int rank = direction.rank(rows, columns);
        int floats = (int) direction.core().floats(rows, columns, rank);
        float[] core = new float[floats];
        FactorTrack track =
                FactorTrack.ofMatrix(
                        direction,
                        foldEvery,
                        TENSOR,
                        rows,
                        columns,
                        MemorySegment.ofArray(core),
                        Optional.empty());
        CudaRig.Place gathered = rig.poisoned(4L * floats);
        byte[] table = new byte[LowRankKernels.GATHERED_BYTES];
        MemorySegment row = MemorySegment.ofArray(table);
        row.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, gathered.address());
        row.set(ValueLayout.JAVA_LONG_UNALIGNED, 16, floats);
        row.set(ValueLayout.JAVA_INT_UNALIGNED, 24, TENSOR);
        row.set(ValueLayout.JAVA_INT_UNALIGNED, 28, 1);
        CudaRig.Place onDevice = rig.bytes(table);
        FactorSchedule schedule = new FactorSchedule(direction, foldEvery, false);
        FactorKernels cpu = new FactorKernels(rank);
        List<Update> updates = updates(9);
        for (int step : new int[] {1, 3, 4, 9}) {
            track.aim(step);
            while (track.step() < step) {
                int from = (int) track.step();
                FactorTrack.Leg leg = track.leg(updates.subList(from, step), cpu);
                cpu.advance(track, leg, 0, track.trackRows());
                track.complete(leg);
            }
            schedule.aim(step);
            while (schedule.step() < step) {
                int from = (int) schedule.step();
                FactorSchedule.Leg leg = schedule.leg(updates.subList(from, step));
                FoldProgram program = rig.programs().gathering(leg.updates(), schedule);
                thin.gather(onDevice.address(), 1, floats, program, streams.core());
                schedule.complete(leg);
            }
            sameBits(gathered, core, "core after step " + step);
        }
    }

    private List<Update> updates(int count) {
        List<Decay> decays = List.of(Decay.NONE, Decay.of(1e-3), Decay.byFactor(1e-3));
        List<Update> updates = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Update.Term> terms = new ArrayList<>();
            for (int k = 0; k <= i % 3; k++) {
                float coefficient = (float) random.nextGaussian() * 1e-3f;
                terms.add(new Update.Term(random.nextLong(), coefficient));
            }
            updates.add(new Update(1 + i, random.nextLong(), decays.get(i % 3), terms));
        }
        return updates;
    }

    private float[] normals(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() * 0.05f;
        }
        return values;
    }

    private void sameBits(CudaRig.Place actual, float[] expected, String what) {
        assertThat(actual.read())
                .as("%s, seed %d", what, seed)
                .isEqualTo(CudaRig.pack(DType.F32, expected));
    }
}
