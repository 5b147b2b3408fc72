package io.millrace.executor.step;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.Matmul;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.FactoredDirection.Core;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * How much memory a direction of thin factors may ask for, on any device.
 *
 * @param layout the model's tensors
 * @param direction the direction
 * @param momentum whether updates have momentum
 * @param scales that go through a block together
 * @param rows rows of the largest micro-batch
 * @param terms of the updates from one fold to the next, where they do not gather
 */
public record LowRankSize(
        ModelLayout layout,
        FactoredDirection direction,
        boolean momentum,
        int scales,
        int rows,
        long terms) {
    /** Columns of a factor that are made orthonormal together. */
    public static final int ORTHONORMAL_COLUMNS = 8;

    /**
     * Floats for the factors of updates at least: folds alone are cut to what there is room for.
     */
    private static final long LEAST_TERMS = 1L << 18;

    /** Of a run's arithmetic; empty where its direction has no thin factors. */
    public static Optional<LowRankSize> of(
            Arithmetic arithmetic, ScratchSize size, ModelLayout layout) {
        return arithmetic.direction() instanceof FactoredDirection factored
                ? Optional.of(
                        new LowRankSize(
                                layout,
                                factored,
                                arithmetic.momentum(),
                                size.scalesAtOnce(),
                                size.microBatchRows(),
                                (long) arithmetic.foldEvery() * size.directions()))
                : Optional.empty();
    }

    /**
     * The size of a forward whose products take several queries together, where they can. Rows of
     * E4M3 share a scale, and so each query goes alone with them.
     */
    public static ScratchSize together(
            Arithmetic arithmetic, ScratchSize size, ModelLayout layout) {
        if (arithmetic.matmul() == Matmul.FP8) {
            return size;
        }
        return layout.beside()
                .filter(_ -> !layout.ownsBeside())
                .map(LowRankSize::longest)
                .or(() -> of(arithmetic, size, layout).map(LowRankSize::longestProduct))
                .map(size::together)
                .orElse(size);
    }

    /** Floats of the largest tensor beside a model. */
    private static long longest(ModelLayout beside) {
        return beside.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .mapToLong(TensorSlot::elementCount)
                .max()
                .orElseThrow();
    }

    public Stream<TensorSlot> tensors() {
        return layout.blocks().stream().flatMap(block -> trained(block).stream());
    }

    /** The tensors of a block that updates are gathered for. */
    public static List<TensorSlot> trained(BlockLayout block) {
        return block.tensors().stream().filter(TensorSlot::isTrained).toList();
    }

    Stream<TensorSlot> matrices() {
        return tensors().filter(LowRankSize::isMatrix);
    }

    /** A rank above the shorter side of a matrix makes factors that are not thin. */
    public void check() {
        TensorSlot smallest =
                matrices().min(Comparator.comparingLong(LowRankSize::shorterSide)).orElse(null);
        if (smallest != null && rank(smallest) > shorterSide(smallest)) {
            throw new BadInputException(
                    "--rank",
                    direction.rank() + " exceeds a side of " + smallest.name(),
                    "give at most "
                            + shorterSide(smallest)
                            + ", or leave it as it is: --tune '!"
                            + smallest.name()
                            + "'");
        }
    }

    /** r of a matrix. */
    private long rank(TensorSlot slot) {
        return direction.rank(rowsOf(slot), columnsOf(slot));
    }

    /** The largest r of any matrix. */
    public int mostRank() {
        return (int) matrices().mapToLong(this::rank).max().orElse(1);
    }

    /** Floats of what updates of a tensor gather: L, or as large as another core. */
    public long left(TensorSlot slot) {
        if (!direction.core().gathers()) {
            return 0;
        }
        if (!isMatrix(slot)) {
            return slot.elementCount();
        }
        return direction.core().floats(rowsOf(slot), columnsOf(slot), rank(slot));
    }

    /** Floats of the left side of a product of thin factors. */
    private long side(TensorSlot slot) {
        return rowsOf(slot) * rank(slot);
    }

    /** Floats of the left factor of a matrix that stays over a window. */
    public long fixedLeft(TensorSlot slot) {
        return isMatrix(slot) && direction.core().fixesLeft() ? side(slot) : 0;
    }

    public long momentum(TensorSlot slot) {
        return isMatrix(slot) && momentum ? left(slot) : 0;
    }

    /** Floats of the right factor of a matrix that stays over a window. */
    public long right(TensorSlot slot) {
        return isMatrix(slot) && direction.core().fixesRight() ? across(slot) : 0;
    }

    /** Floats of a right factor. */
    private long across(TensorSlot slot) {
        return columnsOf(slot) * rank(slot);
    }

    public long gathered() {
        return tensors()
                .mapToLong(slot -> left(slot) + momentum(slot) + fixedLeft(slot) + right(slot))
                .sum();
    }

    /** Floats of the longest V. */
    public long longestRight() {
        return matrices().mapToLong(this::right).max().orElse(1);
    }

    /** Floats of the longest fixed left factor. */
    public long longestFixedLeft() {
        return matrices().mapToLong(this::fixedLeft).max().orElse(0);
    }

    /** Floats of the cores of all scales, and of a fold. */
    public long cores() {
        if (!direction.core().liesBetween()) {
            return 0;
        }
        return (scales + 1) * matrices().mapToLong(this::left).max().orElse(0);
    }

    /** Doubles in which the columns of a factor are made orthonormal; 0 where none are. */
    public long orthonormal() {
        if (!direction.isOrthonormal()) {
            return 0;
        }
        return matrices()
                .mapToLong(slot ->
                        Math.max(rowsOf(slot), columnsOf(slot))
                                * Math.ceilDiv(rank(slot), ORTHONORMAL_COLUMNS)
                                * ORTHONORMAL_COLUMNS)
                .max()
                .orElse(0);
    }

    /** Floats of an estimate that is made orthogonal before updates gather it. */
    public long estimate() {
        return direction.core() == Core.RIGHT ? longestOwnRight() : 0;
    }

    /** Floats of the left factors of all scales. */
    public long sides() {
        return scales * longestSide();
    }

    private long longestProduct() {
        return Math.max(longestSide(), longestOwnRight());
    }

    private long longestSide() {
        return matrices().mapToLong(this::side).max().orElse(1);
    }

    /** Floats of the right factors of all scales' queries, where they have their own. */
    public long rights() {
        return scales * longestOwnRight();
    }

    private long longestOwnRight() {
        return direction.core().fixesRight()
                ? 0
                : matrices().mapToLong(this::across).max().orElse(1);
    }

    /** Floats of the left factors of updates that are not gathered. */
    public long termLefts() {
        return ofTerms(longestSide());
    }

    /** Floats of their right factors. */
    public long termRights() {
        return ofTerms(longestOwnRight());
    }

    /** How many terms of updates there is room for whole. */
    public long mostTerms() {
        return Math.min(termLefts() / longestSide(), termRights() / longestOwnRight());
    }

    private long ofTerms(long longest) {
        return direction.core().gathers() ? 0 : Math.max(LEAST_TERMS, terms * longest);
    }

    /** Floats of the inputs' products with a thin factor. */
    public long products() {
        return (long) scales * mostRank() * rows;
    }

    /** Bytes of memory that all of it takes. */
    public long bytes() {
        return LongStream.of(
                        gathered(),
                        longestRight(),
                        longestFixedLeft(),
                        cores(),
                        orthonormal() * Double.BYTES / Float.BYTES,
                        sides(),
                        products(),
                        rights(),
                        estimate(),
                        termLefts(),
                        termRights())
                .map(floats -> HostMemory.pageBytes(Math.max(1, floats) * Float.BYTES))
                .sum();
    }

    /** Whether a tensor takes low-rank directions. */
    public static boolean isMatrix(TensorSlot slot) {
        return slot.shape().size() == 2;
    }

    private static long shorterSide(TensorSlot slot) {
        return Math.min(rowsOf(slot), columnsOf(slot));
    }

    public static long rowsOf(TensorSlot slot) {
        return slot.shape().getFirst();
    }

    public static long columnsOf(TensorSlot slot) {
        return slot.shape().getLast();
    }
}
