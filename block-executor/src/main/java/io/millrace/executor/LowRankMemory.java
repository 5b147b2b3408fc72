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
 * The memory of a low-rank direction, allocated once: what updates have gathered for every matrix,
 * and the thin factors of the operator at work.
 */
final class LowRankMemory implements AutoCloseable {
    private final List<HostSlab> slabs = new ArrayList<>();
    private final Map<Integer, FactorTrack> tracks = new HashMap<>();
    private final Floats foldRight;
    private final Floats right;
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
        Stream<TensorSlot> matrices() {
            return layout.blocks().stream()
                    .flatMap(block -> block.tensors().stream())
                    .filter(LowRankMemory::isMatrix);
        }

        /** A rank above the smaller side of a matrix makes thin factors that are not thin. */
        void check() {
            TensorSlot smallest =
                    matrices().min(Comparator.comparingLong(LowRankMemory::shorterSide)).orElseThrow();
            if (direction.rank() > shorterSide(smallest)) {
                throw new BadInputException(
                        "--rank",
                        direction.rank() + " exceeds a side of " + smallest.name(),
                        "give at most " + shorterSide(smallest));
            }
        }

        private long tracks() {
            long floats = matrices().mapToLong(slot -> rowsOf(slot) * direction.rank()).sum();
            return momentum ? 2 * floats : floats;
        }

        private long right() {
            return direction.rank() * matrices().mapToLong(LowRankMemory::columnsOf).max().orElse(1);
        }

        private long sides() {
            long rowsOfLargest = matrices().mapToLong(LowRankMemory::rowsOf).max().orElse(1);
            return scales * direction.rank() * rowsOfLargest;
        }

        private long products() {
            return (long) scales * direction.rank() * rows;
        }

        /** Bytes of memory that all of it takes. */
        long bytes() {
            return LongStream.of(tracks(), right(), right(), sides(), products())
                    .map(floats -> HostMemory.pageBytes(Math.max(1, floats) * Float.BYTES))
                    .sum();
        }
    }

    /** Allocates what a size says, with every track before the first step. */
    LowRankMemory(HostMemory memory, Size size, int foldEvery) {
        try {
            MemorySegment all = allocate(memory, "low-rank updates", size.tracks());
            foldRight = new Floats(allocate(memory, "a low-rank factor", size.right()), 0);
            right = new Floats(allocate(memory, "a low-rank factor", size.right()), 0);
            sides = new Floats(allocate(memory, "low-rank factors of a probe", size.sides()), 0);
            products = new Floats(allocate(memory, "low-rank products", size.products()), 0);
            long at = 0;
            for (TensorSlot slot : size.matrices().toList()) {
                long bytes = rowsOf(slot) * size.direction().rank() * Float.BYTES;
                MemorySegment left = all.asSlice(at, bytes);
                at += bytes;
                Optional<MemorySegment> momentum =
                        size.momentum() ? Optional.of(all.asSlice(at, bytes)) : Optional.empty();
                at += size.momentum() ? bytes : 0;
                FactorTrack track =
                        new FactorTrack(
                                size.direction(),
                                foldEvery,
                                slot.tensorId(),
                                rowsOf(slot),
                                columnsOf(slot),
                                left,
                                momentum);
                tracks.put(slot.tensorId(), track);
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
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

    /** What updates have made of a matrix. */
    FactorTrack track(TensorSlot slot) {
        return tracks.get(slot.tensorId());
    }

    /** Where Vᵀ of the updates goes that are being folded. */
    Floats foldRight() {
        return foldRight;
    }

    /** Where Vᵀ of the step goes. */
    Floats right() {
        return right;
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
