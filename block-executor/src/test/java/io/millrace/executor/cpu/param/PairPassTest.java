package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.MembersDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.random.GaussianScalar;
import io.millrace.optim.random.StreamIds;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The factors and the pass of members, bit for bit as docs/arithmetic.md has them. */
class PairPassTest {
    private static final int TENSOR = 5;
    private static final int ROWS = 23;
    private static final int STEPS = 5;
    private static final int FOLDED = 3; // rounded and stored after it; the others are seen beside

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @ParameterizedTest
    @CsvSource({
        "1, 21, F32, NEAREST, false",
        "2, 530, BF16, NEAREST, false",
        "3, 21, F16, STOCHASTIC, false",
        "1, 1051, BF16, STOCHASTIC, false",
        "3, 64, F32, NEAREST, true"
    })
    void foldsAndShowsWhatTheScalarsSay(
            int rank, int columns, DType dtype, Rounding rounding, boolean byFactor) {
        PairMatrix matrix = new PairMatrix(new MembersDirection(rank), TENSOR, ROWS, columns);
        List<Update> updates = updates(byFactor ? Decay.byFactor(0.03) : Decay.of(0.03));
        List<Query> queries =
                List.of(
                        new Query(random.nextLong(), List.of(1e-3f, -1e-3f)),
                        new Query(random.nextLong(), List.of(1e-2f)));
        try (Arena arena = Arena.ofConfined()) {
            StoredTensor tensor = stored(arena, dtype, columns);
            StoredTensor copy = copy(arena, tensor);
            float[] before = read(tensor);
            PairPlan plan = plan(arena, matrix, updates, queries);
            PairPass pass = new PairPass(rank, rounding);
            int elements = ROWS * columns;
            MemorySegment[] seen = outputs(arena, elements);
            int cut = random.nextInt(elements);
            long bytes = (long) cut * Float.BYTES;
            pass.range(tensor, plan, cut, elements - cut, seen, new long[] {bytes, bytes, bytes});
            pass.range(tensor, plan, 0, cut, seen, new long[3]);
            float[] after = read(tensor);
            for (int element = 0; element < elements; element++) {
                float p = before[element];
                for (Update update : updates) {
                    p = step(matrix, update, p, element);
                    if (update.step() == FOLDED) {
                        p = ScalarOracle.round(p, tensor, rounding, update.seed(), element);
                        assertThat(after[element])
                                .as("seed %d, stored %d", seed, element)
                                .isEqualTo(p);
                    }
                }
                int output = 0;
                for (Query query : queries) {
                    for (float scale : query.scales()) {
                        assertThat(seen[output++].getAtIndex(ValueLayout.JAVA_FLOAT, element))
                                .as("seed %d, scale %f, element %d", seed, scale, element)
                                .isEqualTo(along(matrix, query.seed(), scale, p, element));
                    }
                }
            }
            checkColumns(arena, pass, copy, plan, seen);
            assertThat(copy.bytes().mismatch(tensor.bytes())).as("seed %d", seed).isEqualTo(-1);
        }
    }

    /** Factors of a part of the matrix alone, as there is room for, make the bytes of all. */
    @ParameterizedTest
    @CsvSource({"1, 530", "3, 70"})
    void partsMakeTheWhole(int rank, int columns) {
        PairMatrix matrix = new PairMatrix(new MembersDirection(rank), TENSOR, ROWS, columns);
        List<Update> updates = updates(Decay.of(0.03));
        try (Arena arena = Arena.ofConfined()) {
            StoredTensor whole = stored(arena, DType.BF16, columns);
            StoredTensor parts = copy(arena, whole);
            PairPass pass = new PairPass(rank, Rounding.STOCHASTIC);
            PairPass.Area all = new PairPass.Area(0, ROWS, 0, columns);
            pass.fold(whole, plan(arena, matrix, updates, List.of()), all);
            int across = 1 + random.nextInt(columns);
            int down = 1 + random.nextInt(ROWS);
            for (int column = 0; column < columns; column += across) {
                for (int row = 0; row < ROWS; row += down) {
                    PairPass.Area area =
                            new PairPass.Area(
                                    row,
                                    Math.min(down, ROWS - row),
                                    column,
                                    Math.min(across, columns - column));
                    PairTerms terms = terms(arena, matrix, updates, area);
                    List<PairPlan.Step> steps = steps(updates, rank);
                    PairPlan plan = new PairPlan(columns, steps, terms, Optional.empty());
                    pass.fold(parts, plan, area);
                }
            }
            assertThat(parts.bytes().mismatch(whole.bytes()))
                    .as("seed %d, parts of %d x %d", seed, down, across)
                    .isEqualTo(-1);
        }
    }

    private static float step(PairMatrix matrix, Update update, float p, int element) {
        float start = p * update.decay().scale();
        float sum = update.decay().adds() ? update.decay().added() * start : start;
        for (Update.Term term : update.terms()) {
            sum = along(matrix, term.seed(), term.coefficient(), sum, element);
        }
        return update.decay().adds() ? start + sum : sum;
    }

    /** p + factor · A Bᵀ κ of an element. */
    private static float along(
            PairMatrix matrix, long termSeed, float factor, float p, int element) {
        int rank = matrix.rank();
        int row = element / (int) matrix.columns();
        int column = element % (int) matrix.columns();
        float sum = p;
        for (int j = 0; j < rank; j++) {
            float a =
                    GaussianScalar.value(
                            StreamIds.MEMBER_LEFT, termSeed, TENSOR, (long) row * rank + j);
            float b =
                    GaussianScalar.value(
                            StreamIds.MEMBER_RIGHT, termSeed, TENSOR, (long) column * rank + j);
            float w = Math.fma(factor, a, 0f) * (float) (1 / Math.sqrt(rank));
            sum = Math.fma(w, b, sum);
        }
        return sum;
    }

    private void checkColumns(
            Arena arena,
            PairPass pass,
            StoredTensor tensor,
            PairPlan plan,
            MemorySegment[] expected) {
        int columns = (int) plan.columns();
        int elements = ROWS * columns;
        MemorySegment[] seen = outputs(arena, elements);
        int split = 1 + random.nextInt(columns - 1);
        pass.columns(tensor, plan, 0, split, seen, new long[3]);
        long rest = (long) ROWS * split * Float.BYTES;
        pass.columns(tensor, plan, split, columns - split, seen, new long[] {rest, rest, rest});
        for (int element = 0; element < elements; element++) {
            int row = element / columns;
            int column = element % columns;
            long at =
                    column < split
                            ? (long) row * split + column
                            : (long) ROWS * split + (long) row * (columns - split) + column - split;
            for (int output = 0; output < seen.length; output++) {
                assertThat(seen[output].getAtIndex(ValueLayout.JAVA_FLOAT, at))
                        .as("seed %d, output %d, element %d", seed, output, element)
                        .isEqualTo(expected[output].getAtIndex(ValueLayout.JAVA_FLOAT, element));
            }
        }
    }

    private static MemorySegment[] outputs(Arena arena, int elements) {
        return new MemorySegment[] {
            floats(arena, elements), floats(arena, elements), floats(arena, elements)
        };
    }

    private PairPlan plan(
            Arena arena, PairMatrix matrix, List<Update> updates, List<Query> queries) {
        PairFactors factors = new PairFactors(matrix.rank());
        List<MemorySegment> rights = new ArrayList<>();
        int columns = (int) matrix.columns();
        for (Query query : queries) {
            MemorySegment right = floats(arena, columns * matrix.rank());
            factors.right(matrix, query.seed(), 0, columns / 2, right);
            factors.right(matrix, query.seed(), columns / 2, columns, right);
            query.scales().forEach(_ -> rights.add(right));
        }
        PairPass.Area all = new PairPass.Area(0, ROWS, 0, columns);
        return new PairPlan(
                columns,
                steps(updates, matrix.rank()),
                terms(arena, matrix, updates, all),
                queries.isEmpty()
                        ? Optional.empty()
                        : Optional.of(
                                new LowRankPlan.Side(Decay.NONE, matrix.side(queries), rights)));
    }

    private PairTerms terms(
            Arena arena, PairMatrix matrix, List<Update> updates, PairPass.Area area) {
        int count = PairTerms.count(updates, matrix.rank());
        PairTerms terms =
                new PairTerms(
                        count,
                        floats(arena, count * (int) area.rows()),
                        area.row(),
                        floats(arena, count * (int) area.columns()),
                        area.column(),
                        area.columns());
        PairFactors factors = new PairFactors(matrix.rank());
        long row = area.row() + random.nextInt((int) area.rows());
        factors.lefts(matrix, updates, terms, area.row(), row);
        factors.lefts(matrix, updates, terms, row, area.row() + area.rows());
        long column = area.column() + random.nextInt((int) area.columns());
        factors.rights(matrix, updates, terms, area.column(), column);
        factors.rights(matrix, updates, terms, column, area.column() + area.columns());
        return terms;
    }

    private static List<PairPlan.Step> steps(List<Update> updates, int rank) {
        List<PairPlan.Step> steps = new ArrayList<>();
        int first = 0;
        for (Update update : updates) {
            int count = update.terms().size() * rank;
            boolean folds = update.step() == FOLDED;
            OptionalLong rounds = folds ? OptionalLong.of(update.seed()) : OptionalLong.empty();
            steps.add(new PairPlan.Step(update.decay(), first, count, rounds, folds));
            first += count;
        }
        return steps;
    }

    /** As many terms a step as its number says, and none in one. */
    private List<Update> updates(Decay decay) {
        List<Update> updates = new ArrayList<>();
        for (int step = 1; step <= STEPS; step++) {
            List<Update.Term> terms = new ArrayList<>();
            for (int term = 0; term < step && step != 2; term++) {
                terms.add(new Update.Term(random.nextLong(), 0.1f * (float) random.nextGaussian()));
            }
            updates.add(new Update(step, random.nextLong(), step == 2 ? Decay.NONE : decay, terms));
        }
        return updates;
    }

    private StoredTensor stored(Arena arena, DType dtype, int columns) {
        int elements = ROWS * columns;
        MemorySegment bytes = arena.allocate((long) elements * dtype.sizeBytes(), 64);
        float[] values = new float[elements];
        for (int i = 0; i < elements; i++) {
            values[i] = (float) random.nextGaussian();
        }
        new StorageCodec(elements).store(bytes, 0, dtype, values, 0, elements);
        return new StoredTensor(bytes, 0, dtype, TENSOR, elements, false);
    }

    private static StoredTensor copy(Arena arena, StoredTensor tensor) {
        MemorySegment bytes = arena.allocate(tensor.bytes().byteSize(), 64);
        return new StoredTensor(
                bytes.copyFrom(tensor.bytes()),
                0,
                tensor.dtype(),
                TENSOR,
                tensor.elements(),
                false);
    }

    private static float[] read(StoredTensor tensor) {
        int elements = (int) tensor.elements();
        float[] values = new float[elements];
        new StorageCodec(elements).load(tensor.bytes(), 0, tensor.dtype(), values, 0, elements);
        return values;
    }

    private static MemorySegment floats(Arena arena, int count) {
        MemorySegment memory = arena.allocate(ValueLayout.JAVA_FLOAT, Math.max(1, count));
        for (int i = 0; i < count; i++) {
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.NaN);
        }
        return memory;
    }
}
