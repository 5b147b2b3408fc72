package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The memory of a direction of thin factors, allocated once: what updates have gathered for every
 * tensor, and the thin factors of the operator at work.
 */
public final class LowRankMemory implements AutoCloseable {
    private final List<HostSlab> slabs = new ArrayList<>();
    private final Map<Integer, Gathered> tensors = new HashMap<>();
    private final FixedFactors.Pair foldFixed;
    private final MemorySegment cores;
    private final long foldCore; // floats before it
    private final MemorySegment orthonormal;
    private final int mostRank;
    private final Floats sides;
    private final Floats products;
    private final Floats rights;
    private final MemorySegment estimate;
    private final MemorySegment termLefts;
    private final MemorySegment termRights;

    /** What is kept of one tensor: its track, and for a matrix the fixed factors of one window. */
    static final class Gathered {
        private final FactorTrack track;
        private final FixedFactors.Pair fixed;
        private long window = -1;

        Gathered(FactorTrack track, FixedFactors.Pair fixed) {
            this.track = track;
            this.fixed = fixed;
        }

        FactorTrack track() {
            return track;
        }

        /** The factors of the window that {@link #keepsWindow} says. */
        FixedFactors.Pair fixed() {
            return fixed;
        }

        boolean keepsWindow(long wanted) {
            return window == wanted;
        }

        /** Says that those of another window were written. */
        void keepWindow(long written) {
            window = written;
        }
    }

    /** Allocates what a size says, with every track before the first step. */
    public LowRankMemory(HostMemory memory, LowRankSize size, int foldEvery) {
        mostRank = size.mostRank();
        try {
            MemorySegment all = allocate(memory, "low-rank updates", size.gathered());
            MemorySegment foldLeft = allocate(memory, "a left factor", size.longestFixedLeft());
            foldFixed =
                    new FixedFactors.Pair(
                            hasFixedLeft(size) ? Optional.of(foldLeft) : Optional.empty(),
                            allocate(memory, "a low-rank factor", size.longestRight()));
            cores = allocate(memory, "cores of factors", size.cores());
            foldCore = size.cores() / (size.scales() + 1) * size.scales();
            orthonormal =
                    allocate(
                            memory,
                            "orthonormal columns",
                            size.orthonormal() * Double.BYTES / Float.BYTES);
            sides = new Floats(allocate(memory, "low-rank factors of a query", size.sides()), 0);
            products = new Floats(allocate(memory, "low-rank products", size.products()), 0);
            rights = new Floats(allocate(memory, "right factors of queries", size.rights()), 0);
            estimate = allocate(memory, "an orthogonal estimate", size.estimate());
            termLefts = allocate(memory, "left factors of updates", size.termLefts());
            termRights = allocate(memory, "right factors of updates", size.termRights());
            if (size.direction().core().gathers()) {
                Cutter cutter = new Cutter(all);
                size.tensors()
                        .forEach(slot ->
                                tensors.put(
                                        slot.tensorId(), gather(size, slot, foldEvery, cutter)));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static Gathered gather(
            LowRankSize size, TensorSlot slot, int foldEvery, Cutter cutter) {
        MemorySegment left = cutter.next(size.left(slot));
        MemorySegment momentum = cutter.next(size.momentum(slot));
        MemorySegment fixedLeft = cutter.next(size.fixedLeft(slot));
        MemorySegment right = cutter.next(size.right(slot));
        FactorTrack track =
                LowRankSize.isMatrix(slot)
                        ? FactorTrack.ofMatrix(
                                size.direction(),
                                foldEvery,
                                slot.tensorId(),
                                LowRankSize.rowsOf(slot),
                                LowRankSize.columnsOf(slot),
                                left,
                                size.momentum() ? Optional.of(momentum) : Optional.empty())
                        : FactorTrack.ofVector(
                                size.direction(),
                                foldEvery,
                                slot.tensorId(),
                                slot.elementCount(),
                                left);
        Optional<MemorySegment> fixed =
                hasFixedLeft(size) ? Optional.of(fixedLeft) : Optional.empty();
        return new Gathered(track, new FixedFactors.Pair(fixed, right));
    }

    private static boolean hasFixedLeft(LowRankSize size) {
        return size.direction().core().fixesLeft();
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

    /** What is kept of a tensor. */
    Gathered of(TensorSlot slot) {
        return tensors.get(slot.tensorId());
    }

    /** The largest rank of any matrix. */
    int mostRank() {
        return mostRank;
    }

    /** Where the fixed factors go of a fold whose window is over. */
    FixedFactors.Pair foldFixed() {
        return foldFixed;
    }

    /** Where the cores of queries' scales go. */
    MemorySegment cores() {
        return cores;
    }

    /** Where the core of a fold goes. */
    MemorySegment foldCore() {
        return cores.asSlice(foldCore * Float.BYTES);
    }

    /** Doubles in which the columns of a factor are made orthonormal. */
    MemorySegment orthonormal() {
        return orthonormal;
    }

    /** Where the left factors of a query's scales go, transposed. */
    Floats sides() {
        return sides;
    }

    /** Where the inputs' products with a thin factor go. */
    Floats products() {
        return products;
    }

    /** Where the right factors of queries go that have their own, transposed. */
    Floats rights() {
        return rights;
    }

    /** Where an estimate goes that was made orthogonal. */
    MemorySegment estimate() {
        return estimate;
    }

    /** Where the left factors of updates go that are not gathered. */
    MemorySegment termLefts() {
        return termLefts;
    }

    /** Where their right factors go. */
    MemorySegment termRights() {
        return termRights;
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
