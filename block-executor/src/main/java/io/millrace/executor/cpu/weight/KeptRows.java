package io.millrace.executor.cpu.weight;

import io.millrace.executor.companion.Companion;
import io.millrace.executor.step.Floats;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.RowSource;
import io.millrace.model.ModelLayout;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Rows of a trained table that no step has in a block: those that were looked up lately, each with
 * the updates that it has seen. A row that comes is read as the run began with it, and all updates
 * of the run are made again on it; one that stays takes those since it was looked up last. So a row
 * is in every step what the whole table would have there, and what goes is lost to nobody.
 *
 * <p>One thread brings rows; any worker forms one.
 */
public final class KeptRows implements AutoCloseable {
    /** Of the largest block: what takes no more beside the blocks is little. */
    private static final int FRACTION = 16;

    private static final int LEAST = 16;
    private static final float LOAD = 0.75f;

    private final TensorSlot table;
    private final int block;
    private final int width;
    private final HostSlab slab;
    private final ArrayDeque<MemorySegment> free = new ArrayDeque<>();
    private final Map<Integer, Row> kept = new LinkedHashMap<>(LEAST, LOAD, true);
    private final int most;

    private KeptRows(HostMemory memory, ModelLayout layout, TensorSlot table) {
        this.table = table;
        block = layout.visits().getFirst();
        width = Math.toIntExact(table.elementCount() / table.shape().getFirst());
        most = count(layout, table);
        slab = memory.allocate("rows of a table that were looked up", bytes(layout));
        long each = rowBytes(table);
        for (int row = 0; row < most; row++) {
            free.add(slab.segment().asSlice(row * each, each));
        }
    }

    /** Those of a layout that has such a table. */
    public static Optional<KeptRows> open(HostMemory memory, ModelLayout layout) {
        return table(layout).map(table -> new KeptRows(memory, layout, table));
    }

    /** Memory that they take; 0 where no table is so. */
    public static long bytes(ModelLayout layout) {
        return table(layout)
                .map(table -> HostMemory.pageBytes(count(layout, table) * rowBytes(table)))
                .orElse(0L);
    }

    private static Optional<TensorSlot> table(ModelLayout layout) {
        return layout.panels().alone().filter(_ -> layout.panels().later());
    }

    private static int count(ModelLayout layout, TensorSlot table) {
        long some = layout.largestBlock().sizeBytes() / FRACTION / rowBytes(table);
        return (int) Math.min(table.shape().getFirst(), Math.max(LEAST, some));
    }

    private static long rowBytes(TensorSlot table) {
        return BlockLayout.pack(0, List.of(table.rows(0, 1))).sizeBytes();
    }

    /** How many can be brought at once. */
    public int most() {
        return most;
    }

    /**
     * Has these rows here; others may go for them.
     *
     * @param step that looks them up
     * @param wanted each once, at most {@link #most}
     * @param base what the run began with
     * @return the rows, in this order
     */
    public List<Row> bring(long step, int[] wanted, RowSource base) {
        int[] missing = IntStream.of(wanted).filter(row -> kept.get(row) == null).toArray();
        makeRoom(missing.length);
        DType type = table.dtype();
        base.read(
                step,
                missing,
                (index, values) -> {
                    MemorySegment bytes = free.remove();
                    Elements.convert(values, DType.F32, bytes, type, width);
                    kept.put(missing[index], row(missing[index], bytes, base.foldedThrough()));
                });
        List<Row> rows = new ArrayList<>(wanted.length);
        for (int row : wanted) {
            rows.add(kept.get(row));
        }
        return rows;
    }

    private Row row(int row, MemorySegment bytes, long foldedThrough) {
        BlockLayout alone = BlockLayout.pack(block, List.of(table.rows(row, 1)));
        return new Row(new Companion(alone, bytes, foldedThrough));
    }

    /** Those that nobody has looked up for longest go; asking for the others put them behind. */
    private void makeRoom(int count) {
        Iterator<Row> longest = kept.values().iterator();
        while (free.size() < count) {
            free.add(longest.next().lease.weights());
            longest.remove();
        }
    }

    @Override
    public void close() {
        slab.close();
    }

    /**
     * One of them.
     *
     * @param lease it alone, as if it were a tensor beside the block that looks it up
     */
    public record Row(Companion lease) {
        /**
         * Forms it for every scale, on the worker that asks.
         *
         * @param weights of the block that looks it up
         * @param place where the first scale's goes
         * @param stride elements from one scale's to the next
         * @param worker the calling worker
         */
        public void form(FormedWeights weights, Floats place, long stride, int worker) {
            weights.ofRows(lease).formHere(0, place, stride, worker);
        }
    }
}
