package io.millrace.executor.step;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.optim.direction.LowRankDirection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * How much memory a low-rank direction may ask for, on any device.
 *
 * @param layout the model's tensors
 * @param direction the direction
 * @param momentum whether updates have momentum
 * @param scales scales of the query with the most
 * @param rows rows of the largest micro-batch
 */
public record LowRankSize(
        ModelLayout layout, LowRankDirection direction, boolean momentum, int scales, int rows) {
    /** Of a run's arithmetic; empty where its direction is not of low rank. */
    public static Optional<LowRankSize> of(
            Arithmetic arithmetic, ScratchSize size, ModelLayout layout) {
        return arithmetic.direction() instanceof LowRankDirection lowRank
                ? Optional.of(
                        new LowRankSize(
                                layout,
                                lowRank,
                                arithmetic.momentum(),
                                size.scalesPerQuery(),
                                size.microBatchRows()))
                : Optional.empty();
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
        if (smallest != null && direction.rank() > shorterSide(smallest)) {
            throw new BadInputException(
                    "--rank",
                    direction.rank() + " exceeds a side of " + smallest.name(),
                    "give at most " + shorterSide(smallest));
        }
    }

    /** Floats of L. */
    public long left(TensorSlot slot) {
        return isMatrix(slot) ? rowsOf(slot) * direction.rank() : slot.elementCount();
    }

    public long momentum(TensorSlot slot) {
        return isMatrix(slot) && momentum ? left(slot) : 0;
    }

    public long right(TensorSlot slot) {
        return isMatrix(slot) ? columnsOf(slot) * direction.rank() : 0;
    }

    public long gathered() {
        return tensors().mapToLong(slot -> left(slot) + momentum(slot) + right(slot)).sum();
    }

    /** Floats of the longest V. */
    public long longestRight() {
        return matrices().mapToLong(this::right).max().orElse(1);
    }

    /** Floats of all left factors of a query. */
    public long sides() {
        return (long) scales * matrices().mapToLong(this::left).max().orElse(1);
    }

    /** Floats of the inputs' products with a thin factor. */
    public long products() {
        return (long) scales * direction.rank() * rows;
    }

    /** Bytes of memory that all of it takes. */
    public long bytes() {
        return LongStream.of(gathered(), longestRight(), sides(), products())
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
