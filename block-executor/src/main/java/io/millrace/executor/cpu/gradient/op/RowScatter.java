package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Rows;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** The way back through {@link Rows#gather} and {@link Rows#gatherAdd}. */
public final class RowScatter {
    private RowScatter() {}

    /**
     * {@code table[ids[t] + idOffset] += scale · gradient[t]}, token by token in order. Workers
     * share columns, since tokens share rows.
     *
     * @param gradient of the gathered rows
     * @param gradientOffset floats before row 0
     * @param gradientStride floats from a row to the next
     * @param scale factor on all, as of the gathering
     * @param ids which row for each token
     * @param idOffset added to each of them
     * @param first the first token; token t has row t of the gradient
     * @param past past the last token
     * @param from the first column
     * @param to past the last column
     * @param table gradient of the table, rows of {@code width} floats
     * @param tableOffset floats before row 0
     * @param tableRows how many there are; an id outside is an IndexOutOfBoundsException
     * @param width floats of a row
     */
    public static void add(
            MemorySegment gradient,
            long gradientOffset,
            long gradientStride,
            float scale,
            int[] ids,
            int idOffset,
            int first,
            int past,
            long from,
            long to,
            MemorySegment table,
            long tableOffset,
            int tableRows,
            long width) {
        for (int t = first; t < past; t++) {
            long row = Objects.checkIndex(ids[t] + idOffset, tableRows);
            Rows.addScaled(
                    scale,
                    gradient,
                    gradientOffset + t * gradientStride + from,
                    table,
                    tableOffset + row * width + from,
                    to - from);
        }
    }
}
