package io.millrace.executor.place;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.FileExtent;
import io.millrace.memory.nvme.RowReader;
import io.millrace.memory.nvme.RowSource;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.model.Checkpoint;
import io.millrace.model.file.Elements;
import io.millrace.model.file.TensorInfo;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Rows of a table as float32, of the numbers that it has in the dtype of a run, as the run began
 * with them: those of its base, or of what it saved before it was stopped. What is read of them is
 * recorded.
 */
final class LookedUpRows implements RowSource, AutoCloseable {
    private final RowReader reader;
    private final SpanRecorder spans;
    private final boolean copied;
    private final long foldedThrough;
    private final int block;
    private final int width;
    private final int storedRowBytes;
    private final DType stored;
    private final DType wanted;
    private final Arena arena;
    private final MemorySegment rounded;
    private final MemorySegment floats;

    /**
     * Opens the table.
     *
     * @param origin whose layout has it alone; what it saved stays open while rows are read
     * @param table that one
     * @param io how its file is driven; outlives this
     * @param host where staging memory comes from
     * @param spans what reading is recorded in
     * @param copied whether the device computes on other memory than the host's
     */
    LookedUpRows(
            BlockOrigin origin,
            TensorSlot table,
            FileIo io,
            HostMemory host,
            SpanRecorder spans,
            boolean copied) {
        Checkpoint base = origin.saved().map(BlockOrigin.Saved::checkpoint).orElse(origin.base());
        foldedThrough = origin.saved().map(BlockOrigin.Saved::foldedThrough).orElse(0L);
        TensorInfo info = base.tensors().get(table.name());
        this.spans = spans;
        this.copied = copied;
        block = origin.layout().visits().getFirst();
        width = Math.toIntExact(table.elementCount() / table.shape().getFirst());
        stored = info.dtype();
        wanted = table.dtype();
        storedRowBytes = width * stored.sizeBytes();
        reader =
                new RowReader(
                        new FileExtent(info.file(), info.offsetBytes(), info.sizeBytes(), 0),
                        storedRowBytes,
                        base.rowChecksums().map(rows -> rows::of),
                        io,
                        host);
        // Behind what may be refused.
        arena = Arena.ofShared();
        rounded = arena.allocate((long) width * wanted.sizeBytes(), BlockLayout.ALIGNMENT);
        floats = arena.allocate((long) width * Float.BYTES, BlockLayout.ALIGNMENT);
    }

    @Override
    public void read(long step, int[] rows, Taker taker) {
        long bytes = (long) rows.length * storedRowBytes;
        long token = spans.begin(Lane.NVME_READ, block, step);
        long copying = copied ? spans.begin(Lane.H2D, block, step) : SpanRecorder.DROPPED;
        reader.read(step, rows, (index, row) -> taker.take(index, asFloats(row)));
        spans.end(token, bytes);
        spans.end(copying, (long) rows.length * width * wanted.sizeBytes());
    }

    @Override
    public long foldedThrough() {
        return foldedThrough;
    }

    private MemorySegment asFloats(MemorySegment row) {
        Elements.convert(row, stored, rounded, wanted, width);
        Elements.convert(rounded, wanted, floats, DType.F32, width);
        return floats;
    }

    @Override
    public void close() {
        reader.close();
        arena.close();
    }
}
