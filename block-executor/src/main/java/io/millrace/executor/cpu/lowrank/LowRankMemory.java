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
 * The memory of a low-rank direction, allocated once: what updates have gathered for every tensor,
 * and the thin factors of the operator at work.
 */
public final class LowRankMemory implements AutoCloseable {
    private final List<HostSlab> slabs = new ArrayList<>();
    private final Map<Integer, Gathered> tensors = new HashMap<>();
    private final Floats foldRight;
    private final Floats sides;
    private final Floats products;

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
    public LowRankMemory(HostMemory memory, LowRankSize size, int foldEvery) {
        try {
            MemorySegment all = allocate(memory, "low-rank updates", size.gathered());
            foldRight = new Floats(allocate(memory, "a low-rank factor", size.longestRight()), 0);
            sides = new Floats(allocate(memory, "low-rank factors of a query", size.sides()), 0);
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

    private static Gathered gather(
            LowRankSize size, TensorSlot slot, int foldEvery, Cutter cutter) {
        MemorySegment left = cutter.next(size.left(slot));
        MemorySegment momentum = cutter.next(size.momentum(slot));
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

    /** What is kept of a tensor. */
    Gathered of(TensorSlot slot) {
        return tensors.get(slot.tensorId());
    }

    /** Where Vᵀ goes of a fold whose window is over. */
    Floats foldRight() {
        return foldRight;
    }

    /** Where the left factors of a query's scales go, transposed. */
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
