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
    /** Elements of a tile: its words stay in the fastest cache. */
    private static final int ELEMENTS = 8192;

    /** Columns of a row. */
    protected final int width;

    /** Codes of a word. */
    protected final int ofWord;

    private final int bits;
    private final int group;
    private final int high;
    private final Span span = new Span();
    private final Target target = new Target();

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
     * @param high the most rows of a tile: more than one where neighbours in memory are elements of
     *     one column
     */
    GroupedTiles(PackedFormat format, int bits, int group, int high) {
        width = format.columns();
        this.bits = bits;
        ofWord = Integer.SIZE / bits;
        this.group = group;
        this.high = high;
    }

    /** The most columns of a tile. */
    int widest() {
        return Math.max(ofWord, ELEMENTS / high);
    }

    /**
     * Is told of a tile before it is made.
     *
     * @param firstGroup of those that have a column in it
     * @param endGroup behind the last of them
     */
    void prepare(MemorySegment bytes, long offset, Area tile, int firstGroup, int endGroup) {
        // Few have to know.
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

    /** Makes the numbers of a span, and puts them from a byte offset on. */
    abstract void run(MemorySegment bytes, long offset, int row, Span span, Target target, long at);

    @Override
    public final void tile(MemorySegment bytes, long offset, Area area, Place place) {
        int wide = widest();
        target.aim(place, Math.min(wide, area.columns()));
        for (int top = 0; top < area.rows(); top += high) {
            int rows = Math.min(high, area.rows() - top);
            for (int left = 0; left < area.columns(); ) {
                // The first tile ends where the others begin: at a word.
                int begin = area.column() + left;
                int columns = Math.min(wide - begin % ofWord, area.columns() - left);
                Area tile = new Area(area.row() + top, rows, begin, columns);
                make(bytes, offset, tile, place, top, left);
                left += columns;
            }
        }
    }

    private void make(MemorySegment bytes, long offset, Area tile, Place place, int top, int left) {
        int end = tile.column() + tile.columns();
        int from = tile.column() / ofWord;
        int to = (end + ofWord - 1) / ofWord;
        stride = to - from;
        if (words.length < tile.rows() * stride + Lanes.PADDING) {
            words = new int[tile.rows() * stride + Lanes.PADDING];
        }
        fetch(bytes, offset, tile.row(), tile.rows(), from, to);
        prepare(bytes, offset, tile, tile.column() / group, (end - 1) / group + 1);
        for (int r = 0; r < tile.rows(); r++) {
            int shift = (r * stride - from) * ofWord; // of a column's place in words
            long line = place.at(top + r, left);
            long begin = target.begin(line);
            for (int c = tile.column(); c < end; c = span.to - shift) {
                span.column = c;
                span.group = c / group;
                span.from = shift + c;
                span.to = shift + Math.min(end, (span.group + 1) * group);
                long at = begin + (long) (c - tile.column()) * Float.BYTES;
                run(bytes, offset, tile.row() + r, span, target, at);
            }
            target.end(line, tile.columns());
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
