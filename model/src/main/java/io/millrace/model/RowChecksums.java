package io.millrace.model;

import io.millrace.memory.TensorSlot;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/** CRC-32C of each row of a table: its rows are read one by one. */
public final class RowChecksums {
    private final TensorSlot table;
    private final long rowBytes;
    private final int[] values;
    private final CRC32C crc = new CRC32C(); // of the row that was begun
    private long taken;

    /** Of a whole table as it is stored, of which nothing was taken yet. */
    RowChecksums(TensorSlot table) {
        this.table = table;
        values = new int[Math.toIntExact(table.shape().getFirst())];
        rowBytes = table.sizeBytes() / values.length;
    }

    String table() {
        return table.name();
    }

    /** Takes what follows in the table. */
    void take(MemorySegment part) {
        long done = 0;
        while (done < part.byteSize()) {
            long left = rowBytes - taken % rowBytes;
            long count = Math.min(left, part.byteSize() - done);
            crc.update(part.asSlice(done, count).asByteBuffer());
            done += count;
            taken += count;
            if (count == left) {
                values[(int) (taken / rowBytes) - 1] = (int) crc.getValue();
                crc.reset();
            }
        }
    }

    /** That of a row. */
    public int of(int row) {
        return values[row];
    }
}
