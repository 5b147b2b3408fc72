package io.millrace.model.quantized.format;

import io.millrace.memory.PackedFormat;
import io.millrace.memory.ScaledFormat;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Tiles of integers: (code − zero) · scale, a zero point and a scale for each group of a row. Where
 * inputs are ordered, each has a group of its own, and all that a row has is laid out first.
 */
abstract class AffineTiles extends GroupedTiles {
    private final int groups;
    private final boolean ordered;
    private Optional<ScaledFormat.Given> given = Optional.empty();
    private float[] scales = new float[0];
    private int[] zeros = new int[0];
    private int[] order = new int[0];

    /**
     * Tiles of a matrix.
     *
     * @param format the matrix
     * @param bits of a code
     * @param group columns of a group
     * @param ordered whether columns say which group they belong to
     */
    AffineTiles(PackedFormat format, int bits, int group, boolean ordered) {
        super(format, bits, ordered ? format.columns() : group);
        groups = (format.columns() + group - 1) / group;
        this.ordered = ordered;
    }

    /** The same tiles with other scales in the place of those that are stored. */
    final AffineTiles with(ScaledFormat.Given other) {
        given = Optional.of(other);
        return this;
    }

    private float scaleOf(MemorySegment bytes, long offset, int row, int group) {
        return given.isPresent() ? given.get().at(row, group) : scale(bytes, offset, row, group);
    }

    /** The stored scale of a row's group. */
    abstract float scale(MemorySegment bytes, long offset, int row, int group);

    /** The code that stands for 0. */
    abstract int zero(MemorySegment bytes, long offset, int row, int group);

    /** Byte offset of the groups that columns belong to, from the first part. */
    abstract long orderAt();

    @Override
    final void run(MemorySegment bytes, long offset, int row, Span span, float[] values, int at) {
        if (ordered) {
            runOrdered(bytes, offset, row, span, values, at);
            return;
        }
        int zero = zero(bytes, offset, row, span.group);
        float scale = scaleOf(bytes, offset, row, span.group);
        Codes.affine(words, bits(), span.from, span.to, zero, scale, values, at);
    }

    private void runOrdered(
            MemorySegment bytes, long offset, int row, Span span, float[] values, int at) {
        int count = span.to - span.from;
        if (scales.length == 0) {
            scales = new float[groups];
            zeros = new int[groups];
        }
        if (order.length < count) {
            order = new int[count];
        }
        for (int group = 0; group < groups; group++) {
            scales[group] = scaleOf(bytes, offset, row, group);
            zeros[group] = zero(bytes, offset, row, group);
        }
        long first = offset + orderAt() + (long) span.column * Integer.BYTES;
        MemorySegment.copy(bytes, Elements.INT, first, order, 0, count);
        for (int i = 0; i < count; i++) {
            int group = order[i];
            int code = Codes.code(words, bits(), span.from + i);
            values[at + i] = (code - zeros[group]) * scales[group];
        }
    }
}
