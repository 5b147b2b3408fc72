package io.millrace.executor;

import io.millrace.memory.BadInputException;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;
import io.millrace.optim.FactorTrack;
import io.millrace.optim.LowRankDirection;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The memory of a low-rank direction, allocated once: what updates have gathered for every tensor,
 * and the thin factors of the operator at work.
 */
final class LowRankMemory implements AutoCloseable {
    private final List<HostSlab> slabs = new ArrayList<>();
    private final Map<Integer, Gathered> tensors = new HashMap<>();
    private final Floats foldRight;
    private final Floats sides;
    private final Floats products;

    /**
     * How much a run may ask of it.
     *
     * @param layout the model's tensors
     * @param direction the direction
     * @param momentum whether updates have momentum
     * @param scales scales of the probe with the most
     * @param rows rows of the largest micro-batch
     */
    record Size(
            ModelLayout layout,
            LowRankDirection direction,
            boolean momentum,
            int scales,
            int rows) {
        Stream<TensorSlot> tensors() {
            return layout.blocks().stream().flatMap(block -> block.tensors().stream());
        }

        Stream<TensorSlot> matrices() {
            return tensors().filter(LowRankMemory::isMatrix);
        }

        /** A rank above the shorter side of a matrix makes factors that are not thin. */
        void check() {
            TensorSlot smallest =
                    matrices()
                            .min(Comparator.comparingLong(LowRankMemory::shorterSide))
                            .orElseThrow();
            if (direction.rank() > shorterSide(smallest)) {
                throw new BadInputException(
                        "--rank",
                        direction.rank() + " exceeds a side of " + smallest.name(),
                        "give at most " + shorterSide(smallest));
            }
        }

        /** Floats of L. */
        long left(TensorSlot slot) {
            return isMatrix(slot) ? rowsOf(slot) * direction.rank() : slot.elementCount();
        }

        private long momentum(TensorSlot slot) {
            return isMatrix(slot) && momentum ? left(slot) : 0;
        }

        private long right(TensorSlot slot) {
            return isMatrix(slot) ? columnsOf(slot) * direction.rank() : 0;
        }

        private long gathered() {
            return tensors().mapToLong(slot -> left(slot) + momentum(slot) + right(slot)).sum();
        }

        /** Floats of the longest V. */
        long longestRight() {
            return matrices().mapToLong(this::right).max().orElse(1);
        }

        /** Floats of all left factors of a probe. */
        long sides() {
            return (long) scales * matrices().mapToLong(this::left).max().orElse(1);
        }

        /** Floats of the inputs' products with a thin factor. */
        long products() {
            return (long) scales * direction.rank() * rows;
        }

        /** Bytes of memory that all of it takes. */
        long bytes() {
            return LongStream.of(gathered(), longestRight(), sides(), products())
                    .map(floats -> HostMemory.pageBytes(Math.max(1, floats) * Float.BYTES))
                    .sum();
        }
    }

    /** What is kept of one tensor: its track, and for a matrix Vᵀ of one window. */
    static final class Gathered {
        private final FactorTrack track;
        private final MemorySegment right;
        private long window = -1;

        Gathered(FactorTrack track, MemorySegment right) {
            this.track = track;
            this.right = right;
        }

        FactorTrack track() {
            return track;
        }

        /** Vᵀ of the window that {@link #keepsWindow} says. */
        MemorySegment right() {
            return right;
        }

        boolean keepsWindow(long wanted) {
            return window == wanted;
        }

        /** Says that V of another window was written. */
        void keepWindow(long written) {
            window = written;
        }
    }

    /** Allocates what a size says, with every track before the first step. */
    LowRankMemory(HostMemory memory, Size size, int foldEvery) {
        try {
            MemorySegment all = allocate(memory, "low-rank updates", size.gathered());
            foldRight = new Floats(allocate(memory, "a low-rank factor", size.longestRight()), 0);
            sides = new Floats(allocate(memory, "low-rank factors of a probe", size.sides()), 0);
            products = new Floats(allocate(memory, "low-rank products", size.products()), 0);
            Cutter cutter = new Cutter(all);
            size.tensors()
                    .forEach(slot ->
                            tensors.put(slot.tensorId(), gather(size, slot, foldEvery, cutter)));
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static Gathered gather(Size size, TensorSlot slot, int foldEvery, Cutter cutter) {
        MemorySegment left = cutter.next(size.left(slot));
        MemorySegment momentum = cutter.next(size.momentum(slot));
        MemorySegment right = cutter.next(size.right(slot));
        FactorTrack track =
                isMatrix(slot)
                        ? FactorTrack.ofMatrix(
                                size.direction(),
                                foldEvery,
                                slot.tensorId(),
                                rowsOf(slot),
                                columnsOf(slot),
                                left,
                                size.momentum() ? Optional.of(momentum) : Optional.empty())
                        : FactorTrack.ofVector(
                                size.direction(),
                                foldEvery,
                                slot.tensorId(),
                                slot.elementCount(),
                                left);
        return new Gathered(track, right);
    }

    /** Cuts memory into one piece after another. */
    private static final class Cutter {
        private final MemorySegment memory;
        private long used;

        Cutter(MemorySegment memory) {
            this.memory = memory;
        }

        MemorySegment next(long floats) {
            MemorySegment piece = memory.asSlice(used, floats * Float.BYTES);
            used += piece.byteSize();
            return piece;
        }
    }

    /** Whether a tensor takes low-rank directions. */
    static boolean isMatrix(TensorSlot slot) {
        return slot.shape().size() == 2;
    }

    private static long shorterSide(TensorSlot slot) {
        return Math.min(rowsOf(slot), columnsOf(slot));
    }

    static long rowsOf(TensorSlot slot) {
        return slot.shape().getFirst();
    }

    static long columnsOf(TensorSlot slot) {
        return slot.shape().getLast();
    }

    /** What is kept of a tensor. */
    Gathered of(TensorSlot slot) {
        return tensors.get(slot.tensorId());
    }

    /** Where Vᵀ goes of a fold whose window is over. */
    Floats foldRight() {
        return foldRight;
    }

    /** Where the left factors of a probe's scales go, transposed. */
    Floats sides() {
        return sides;
    }

    /** Where the inputs' products with a thin factor go. */
    Floats products() {
        return products;
    }

    private MemorySegment allocate(HostMemory memory, String purpose, long floats) {
        HostSlab slab = memory.allocate(purpose, Math.max(1, floats) * Float.BYTES);
        slabs.add(slab);
        return slab.segment();
    }

    @Override
    public void close() {
        slabs.forEach(HostSlab::close);
    }
}
