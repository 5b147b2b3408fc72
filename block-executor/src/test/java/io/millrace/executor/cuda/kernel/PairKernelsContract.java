package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.cpu.param.LowRankPlan;
import io.millrace.executor.cpu.param.PairFactors;
import io.millrace.executor.cpu.param.PairMatrix;
import io.millrace.executor.cpu.param.PairPass;
import io.millrace.executor.cpu.param.PairPlan;
import io.millrace.executor.cpu.param.PairTerms;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.MembersDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Matrices whose queries have both factors of their own: the same bits as the CPU's. */
abstract class PairKernelsContract {
    private static final int TENSOR = 9;
    private static final int ROWS = 53;
    private static final float EPS = 1e-3f;

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
        "1, 64, F32, NEAREST",
        "3, 77, BF16, STOCHASTIC",
        "4, 96, F16, NEAREST",
        "60, 61, BF16, NEAREST"
    })
    void foldsFormsAndLooksRowsUp(int mostRank, int columns, DType dtype, Rounding rounding) {
        FactoredDirection direction = new MembersDirection(mostRank);
        PairMatrix matrix = new PairMatrix(direction, TENSOR, ROWS, columns);
        long stream = rig.device().compute().handle();
        FactoredDirection.Streams streams = direction.streams().orElseThrow();
        PairKernels kernels =
                rig.own(
                        new PairKernels(
                                rig.device().api(), rig.kernels().module(), stream, streams));
        LowRankKernels thin =
                rig.own(
                        new LowRankKernels(
                                rig.device().api(),
                                rig.kernels().module(),
                                stream,
                                streams.core(),
                                streams.right()));
        float[] values = CudaRig.rounded(dtype, normals(ROWS * columns));
        List<Update> updates = updates(5);
        for (boolean stores : new boolean[] {true, false}) {
            PendingUpdates pending = PendingUpdates.of(0, 2, updates);
            byte[] expected = CudaRig.pack(dtype, values);
            float[] formed = new float[ROWS * columns];
            PairPass pass = new PairPass(matrix.rank(), rounding);
            pass.range(
                    stored(expected, dtype, columns),
                    plan(matrix, pending, stores, Optional.empty()),
                    0,
                    (long) ROWS * columns,
                    new MemorySegment[] {MemorySegment.ofArray(formed)},
                    new long[1]);

            CudaRig.Place tensor = rig.values(dtype, values);
            ThinMatrix onDevice =
                    new ThinMatrix(
                            new DeviceTensor(
                                    tensor.address(), dtype, TENSOR, (long) ROWS * columns, false),
                            columns,
                            matrix.rank(),
                            direction.scale(ROWS, columns));
            int terms = PairTerms.count(updates, matrix.rank());
            PairKernels.Terms made =
                    new PairKernels.Terms(
                            rig.programs().of(pending),
                            rig.poisoned(4L * terms * ROWS).address(),
                            rig.poisoned(4L * terms * columns).address());
            kernels.terms(onDevice, made);
            boolean stochastic = rounding == Rounding.STOCHASTIC;

            Query query = new Query(random.nextLong(), List.of(EPS, -EPS, 0f));
            int[] ids = {3, 0, 51, 3};
            CudaRig.Place rows = rig.poisoned(4L * 3 * ids.length * columns);
            CudaRig.Place right = rig.poisoned(4L * matrix.rank() * columns);
            ThinSide side =
                    new ThinSide(
                            0, right.address(), 0, 0, 0, Decay.NONE, query.seed(), query.scales());
            thin.factors(onDevice, query.seed(), 1, side);
            kernels.rows(
                    onDevice,
                    made,
                    stochastic,
                    side,
                    new ThinSide.Rows(
                            rig.ints(ids).address(),
                            1,
                            ids.length,
                            1f,
                            false,
                            new DeviceMatrix(
                                    rows.address(),
                                    (long) ids.length * columns,
                                    columns,
                                    DType.F32)));
            sameBits(rows, seen(matrix, pending, values, dtype, rounding, query, ids), "rows");

            CudaRig.Place out = rig.poisoned(4L * ROWS * columns);
            kernels.form(onDevice, made, stochastic, stores, 0, 20, out.address(), DType.F32);
            long rest = out.address() + 4L * 20 * columns;
            kernels.form(onDevice, made, stochastic, stores, 20, ROWS - 20, rest, DType.F32);
            sameBits(out, formed, "formed");
            assertThat(tensor.read()).as("seed %d", seed).isEqualTo(expected);
        }
    }

    /** Factors of queries, of which several scales have one right factor, each a copy of it. */
    @ParameterizedTest
    @CsvSource({"1, 64", "5, 77"})
    void writesFactorsOfQueries(int mostRank, int columns) {
        FactoredDirection direction = new MembersDirection(mostRank);
        PairMatrix matrix = new PairMatrix(direction, TENSOR, ROWS, columns);
        FactoredDirection.Streams streams = direction.streams().orElseThrow();
        LowRankKernels thin =
                rig.own(
                        new LowRankKernels(
                                rig.device().api(),
                                rig.kernels().module(),
                                rig.device().compute().handle(),
                                streams.core(),
                                streams.right()));
        Query query = new Query(random.nextLong(), List.of(EPS, -EPS));
        float[] once = right(matrix, query.seed());
        CudaRig.Place rights = rig.poisoned(4L * 2 * once.length);
        CudaRig.Place lefts = rig.poisoned(4L * 2 * ROWS * matrix.rank());
        ThinMatrix onDevice =
                new ThinMatrix(
                        new DeviceTensor(0, DType.F32, TENSOR, (long) ROWS * columns, false),
                        columns,
                        matrix.rank(),
                        direction.scale(ROWS, columns));
        ThinSide side =
                new ThinSide(
                        0,
                        rights.address(),
                        once.length,
                        lefts.address(),
                        (long) ROWS * matrix.rank(),
                        Decay.NONE,
                        query.seed(),
                        query.scales());
        thin.factors(onDevice, query.seed(), 2, side);
        float[] twice = new float[2 * once.length];
        System.arraycopy(once, 0, twice, 0, once.length);
        System.arraycopy(once, 0, twice, once.length, once.length);
        sameBits(rights, twice, "B");
        float[] a = new float[ROWS * matrix.rank()];
        direction.fillCore(query.seed(), TENSOR, 0, a, 0, a.length);
        float[] w = new float[2 * a.length];
        for (int scale = 0; scale < 2; scale++) {
            for (int i = 0; i < a.length; i++) {
                int place = i % matrix.rank() * ROWS + i / matrix.rank();
                w[scale * a.length + place] =
                        Math.fma(query.scales().get(scale), a[i], 0f)
                                * direction.scale(ROWS, columns);
            }
        }
        sameBits(lefts, w, "w");
    }

    private float[] seen(
            PairMatrix matrix,
            PendingUpdates pending,
            float[] values,
            DType dtype,
            Rounding rounding,
            Query query,
            int[] ids) {
        int columns = (int) matrix.columns();
        MemorySegment right = MemorySegment.ofArray(right(matrix, query.seed()));
        LowRankPlan.Side side =
                new LowRankPlan.Side(
                        Decay.NONE,
                        matrix.side(List.of(query)),
                        Collections.nCopies(query.scales().size(), right));
        float[] seen = new float[3 * ids.length * columns];
        MemorySegment all = MemorySegment.ofArray(seen);
        for (int row = 0; row < ids.length; row++) {
            new PairPass(matrix.rank(), rounding)
                    .range(
                            stored(CudaRig.pack(dtype, values), dtype, columns),
                            plan(matrix, pending, false, Optional.of(side)),
                            (ids[row] + 1L) * columns,
                            columns,
                            new MemorySegment[] {all, all, all},
                            new long[] {
                                4L * row * columns,
                                4L * (ids.length + row) * columns,
                                4L * (2L * ids.length + row) * columns
                            });
        }
        return seen;
    }

    private static float[] right(PairMatrix matrix, long querySeed) {
        float[] right = new float[(int) matrix.columns() * matrix.rank()];
        new PairFactors(matrix.rank())
                .right(matrix, querySeed, 0, matrix.columns(), MemorySegment.ofArray(right));
        return right;
    }

    private static StoredTensor stored(byte[] bytes, DType dtype, int columns) {
        return new StoredTensor(
                MemorySegment.ofArray(bytes), 0, dtype, TENSOR, (long) ROWS * columns, false);
    }

    private static PairPlan plan(
            PairMatrix matrix,
            PendingUpdates pending,
            boolean stores,
            Optional<LowRankPlan.Side> side) {
        List<Update> updates = pending.updates();
        int count = PairTerms.count(updates, matrix.rank());
        PairTerms terms =
                new PairTerms(
                        count,
                        MemorySegment.ofArray(new float[count * ROWS]),
                        0,
                        MemorySegment.ofArray(new float[count * (int) matrix.columns()]),
                        0,
                        matrix.columns());
        PairFactors factors = new PairFactors(matrix.rank());
        factors.lefts(matrix, updates, terms, 0, ROWS);
        factors.rights(matrix, updates, terms, 0, matrix.columns());
        List<PairPlan.Step> steps = new ArrayList<>();
        int first = 0;
        for (Update update : updates) {
            int columns = update.terms().size() * matrix.rank();
            boolean rounds = pending.foldsAfter(update.step());
            steps.add(
                    new PairPlan.Step(
                            update.decay(),
                            first,
                            columns,
                            rounds ? OptionalLong.of(update.seed()) : OptionalLong.empty(),
                            stores && update.step() == pending.foldThrough()));
            first += columns;
        }
        return new PairPlan(matrix.columns(), steps, terms, side);
    }

    private List<Update> updates(int count) {
        List<Decay> decays = List.of(Decay.NONE, Decay.of(1e-3), Decay.byFactor(1e-3));
        List<Update> updates = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Update.Term> terms = new ArrayList<>();
            for (int k = 0; k < i % 3; k++) {
                float coefficient = (float) random.nextGaussian() * 1e-2f;
                terms.add(new Update.Term(random.nextLong(), coefficient));
            }
            updates.add(new Update(1 + i, random.nextLong(), decays.get(i % 3), terms));
        }
        return updates;
    }

    private float[] normals(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i % 11 == 3 ? -0f : (float) random.nextGaussian() * 0.05f;
        }
        return values;
    }

    private void sameBits(CudaRig.Place actual, float[] expected, String what) {
        assertThat(actual.read())
                .as("%s, seed %d", what, seed)
                .isEqualTo(CudaRig.pack(DType.F32, expected));
    }
}
