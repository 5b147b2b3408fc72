package io.millrace.model.file.gguf;

import io.millrace.memory.UnitFormat;
import java.lang.foreign.MemorySegment;

/**
 * Rows of queries or keys in the order that ggml turns them in: each head's halves are a pair of
 * neighbours. Elements come in the order of Hugging Face's files, in which halves are apart.
 *
 * @param stored how a row is stored
 * @param columns elements of a row
 * @param headRows rows of a head
 */
public record TurnedRows(UnitFormat stored, int columns, int headRows) implements UnitFormat {
    @Override
    public String name() {
        return stored.name() + "-turned";
    }

    @Override
    public int unitElements() {
        return stored.unitElements();
    }

    @Override
    public int unitBytes() {
        return stored.unitBytes();
    }

    @Override
    public void load(
            MemorySegment bytes, long offset, long first, float[] values, int start, int count) {
        int done = 0;
        while (done < count) {
            long row = (first + done) / columns;
            int column = (int) ((first + done) % columns);
            int part = Math.min(columns - column, count - done);
            int inHead = (int) (row % headRows);
            int half = headRows / 2;
            long from = row - inHead + 2L * (inHead % half) + inHead / half;
            stored.load(bytes, offset, from * columns + column, values, start + done, part);
            done += part;
        }
    }
}
