package io.millrace.model.quantized.format;

import io.millrace.memory.PackedFormat;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Tiles of a matrix whose codes come in groups of a row: words of codes first, row by row in
 * scratch memory, and then a run for each group. A layout says where the words are and what a run
 * is made with.
 */
abstract class GroupedTiles implements TileReader {
    /** Columns of a row. */
    protected final int width;

    /** Codes of a word. */
    protected final int ofWord;

    private final int bits;
    private final int group;
    private final Span span = new Span();

    /** Words of a tile, row by row. */
    protected int[] words = new int[0];

    /** Words from one row of a tile to the next. */
    protected int stride;

    /**
     * Tiles of a matrix.
     *
     * @param format the matrix
     * @param bits of a code, 4 or 8
     * @param group codes of a row that share a scale
     */
    GroupedTiles(PackedFormat format, int bits, int group) {
        width = format.columns();
        this.bits = bits;
        ofWord = Integer.SIZE / bits;
        this.group = group;
    }

    /** Fetches words {@code from} to {@code to} of some rows, to {@code stride} each. */
    abstract void fetch(MemorySegment bytes, long offset, int row, int rows, int from, int to);

    /** Columns of one row and group, and where their codes are. */
    static final class Span {
        /** The first column. */
        int column;

        /** Which group of the row. */
        int group;

        /** The first column's position in the words. */
        int from;

        /** The position behind the last one's. */
        int to;
    }

    /** Makes values of a span. */
    abstract void run(MemorySegment bytes, long offset, int row, Span span, float[] values, int at);

    @Override
    public final void tile(
            MemorySegment bytes,
            long offset,
            int row,
            int rows,
            int column,
            int columns,
            float[] values,
            int start) {
        int from = column / ofWord;
        int to = (column + columns + ofWord - 1) / ofWord;
        stride = to - from;
        if (words.length < rows * stride + Codes.PADDING) {
            words = new int[rows * stride + Codes.PADDING];
        }
        fetch(bytes, offset, row, rows, from, to);
        for (int r = 0; r < rows; r++) {
            int at = start + r * columns;
            int shift = r * stride * ofWord - from * ofWord; // of a column's place in words
            for (int c = column; c < column + columns; ) {
                int end = Math.min(column + columns, (c / group + 1) * group);
                span.column = c;
                span.group = c / group;
                span.from = shift + c;
                span.to = shift + end;
                run(bytes, offset, row + r, span, values, at + c - column);
                c = end;
            }
        }
    }

    /** Fetches from rows of words that follow one another. */
    protected final void fetchRows(
            MemorySegment bytes, long first, int wordsOfRow, int row, int rows, int from, int to) {
        for (int r = 0; r < rows; r++) {
            long at = first + ((long) (row + r) * wordsOfRow + from) * Integer.BYTES;
            MemorySegment.copy(bytes, Elements.INT, at, words, r * stride, to - from);
        }
    }

    /** Fetches from rows of bytes, of which the last word of a row may have less than four. */
    protected final void fetchBytes(
            MemorySegment bytes, long first, long bytesOfRow, int row, int rows, int from, int to) {
        for (int r = 0; r < rows; r++) {
            long line = first + (row + r) * bytesOfRow;
            int whole = (int) Math.min(to, bytesOfRow / Integer.BYTES);
            long at = line + (long) from * Integer.BYTES;
            if (whole > from) {
                MemorySegment.copy(bytes, Elements.INT, at, words, r * stride, whole - from);
            }
            if (whole < to) {
                int last = 0;
                for (int b = (int) (bytesOfRow % Integer.BYTES) - 1; b >= 0; b--) {
                    long place = line + (long) whole * Integer.BYTES + b;
                    last = last << 8 | Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, place));
                }
                words[r * stride + whole - from] = last;
            }
        }
    }

    protected final int bits() {
        return bits;
    }
}
