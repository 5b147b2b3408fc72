package io.millrace.model.quantized.format;

import io.millrace.memory.PackedFormat;
import io.millrace.memory.ScaledFormat;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Tiles of integers: (code − zero) · scale, a zero point and a scale for each group of a row. What
 * a tile needs of them is laid out first: of all groups where inputs are ordered, so that each has
 * a group of its own.
 */
abstract class AffineTiles extends GroupedTiles {
    private static final int NIBBLE = 4;

    private final int groups;
    private final boolean ordered;
    private Optional<ScaledFormat.Given> given = Optional.empty();

    /** What is laid out of scales: group by group, a row after another. */
    float[] scales = new float[0];

    /** The same of codes that stand for 0. */
    int[] zeros = new int[0];

    private int firstRow;
    private int firstGroup;
    private int rows;

    // Of ordered inputs alone.
    private final int size;
    private boolean inOrder;
    private int[] order = new int[0];
    private int[] places = new int[0];
    private float[] tables = new float[0];

    /**
     * Tiles of a matrix.
     *
     * @param format the matrix
     * @param bits of a code
     * @param group columns of a group
     * @param ordered whether columns say which group they belong to
     * @param high the most rows of a tile
     */
    AffineTiles(PackedFormat format, int bits, int group, boolean ordered, int high) {
        super(format, bits, ordered ? format.columns() : group, high);
        groups = (format.columns() + group - 1) / group;
        this.ordered = ordered;
        size = group;
    }

    /** The same tiles with other scales in the place of those that are stored. */
    final AffineTiles with(ScaledFormat.Given other) {
        given = Optional.of(other);
        return this;
    }

    /** The code that stands for 0. */
    abstract int zero(MemorySegment bytes, long offset, int row, int group);

    /** Byte offset of the groups that columns belong to, from the first part. */
    abstract long orderAt();

    /** Reads the stored scales of a group in some rows. */
    abstract void scales(
            MemorySegment bytes, long offset, int row, int count, int group, float[] to, int at);

    /** What a row has of all groups is laid out once for all of its inputs. */
    @Override
    final int widest() {
        return ordered ? width : super.widest();
    }

    @Override
    final void prepare(
            MemorySegment bytes, long offset, Area tile, int firstOfTile, int endOfTile) {
        firstRow = tile.row();
        rows = tile.rows();
        firstGroup = ordered ? 0 : firstOfTile;
        int end = ordered ? groups : endOfTile;
        if (scales.length < (end - firstGroup) * rows) {
            scales = new float[(end - firstGroup) * rows];
            zeros = new int[scales.length];
        }
        for (int group = firstGroup; group < end; group++) {
            int at = (group - firstGroup) * rows;
            if (given.isPresent()) {
                for (int r = 0; r < rows; r++) {
                    scales[at + r] = given.get().at(firstRow + r, group);
                }
            } else {
                scales(bytes, offset, firstRow, rows, group, scales, at);
            }
            for (int r = 0; r < rows; r++) {
                zeros[at + r] = zero(bytes, offset, firstRow + r, group);
            }
        }
        if (ordered) {
            order(bytes, offset + orderAt(), tile.column(), tile.columns());
        }
    }

    private void order(MemorySegment bytes, long at, int column, int columns) {
        if (order.length < columns) {
            order = new int[columns];
            places = new int[columns];
        }
        MemorySegment.copy(
                bytes, Elements.INT, at + (long) column * Integer.BYTES, order, 0, columns);
        inOrder = true; // as of many files that name the groups all the same
        for (int i = 0; i < columns; i++) {
            inOrder &= order[i] == (column + i) / size;
        }
        if (bits() == NIBBLE) {
            tables = tables.length == 0 ? new float[groups * Nibbles.CODES] : tables;
        }
        int each = bits() == NIBBLE ? Nibbles.CODES : rows;
        for (int i = 0; i < columns; i++) {
            order[i] *= each;
        }
    }

    @Override
    final void run(MemorySegment bytes, long offset, int row, Span span, Target target, long at) {
        int its = row - firstRow;
        if (!ordered || inOrder) {
            groups(span, its, target, at);
        } else if (bits() == NIBBLE) {
            table(its);
            Nibbles.lookup(words, span.from, span.to, order, tables, places, target, at);
        } else {
            Octets.affine(words, span.from, span.to, order, its, zeros, scales, target, at);
        }
    }

    @Override
    public final void turned(MemorySegment bytes, long offset, Area area, Place place) {
        int end = area.column() + area.columns();
        prepare(bytes, offset, area, area.column() / size, (end - 1) / size + 1);
        turn(bytes, offset, area, place);
    }

    /**
     * Makes the numbers of an area, of which all has been laid out, column by column.
     *
     * @see io.millrace.memory.TileReader#turned
     */
    void turn(MemorySegment bytes, long offset, Area area, Place place) {
        throw new UnsupportedOperationException(this + " has rows of codes");
    }

    final boolean inOrder() {
        return !ordered || inOrder;
    }

    /** Where what an area's rows have of a column's group begins in zeros and scales. */
    final int its(Area area, int column) {
        int group =
                ordered && !inOrder
                        ? order[column - area.column()] / (bits() == NIBBLE ? Nibbles.CODES : rows)
                        : column / size - firstGroup;
        return group * rows;
    }

    /** One group after another: of a span one, or all that are in order. */
    private void groups(Span span, int row, Target target, long at) {
        int from = span.from;
        while (from < span.to) {
            int column = span.column + from - span.from;
            int group = column / size;
            int to = Math.min(span.to, from + (group + 1) * size - column);
            int its = (group - firstGroup) * rows + row;
            long place = at + (long) (from - span.from) * Float.BYTES;
            if (bits() == NIBBLE) {
                Nibbles.affine(words, from, to, zeros[its], scales[its], target, place);
            } else {
                Octets.affine(words, from, to, zeros[its], scales[its], 1, target, place);
            }
            from = to;
        }
    }

    /** What each code of each group is in a row. */
    private void table(int row) {
        for (int group = 0; group < groups; group++) {
            int its = group * rows + row;
            Nibbles.affine(zeros[its], scales[its], tables, group * Nibbles.CODES);
        }
    }
}
