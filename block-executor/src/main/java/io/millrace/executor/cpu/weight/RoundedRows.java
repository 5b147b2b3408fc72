package io.millrace.executor.cpu.weight;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.memory.DType;

/**
 * One factor of products on the way back in the type that they read: rows as they are, or rounded
 * to bfloat16. What was rounded last is valid.
 */
public final class RoundedRows {
    private final WorkerPool pool;
    private final DType type;
    private final Floats place; // float32 by its type, whatever lies there

    /**
     * Room for a factor.
     *
     * @param type that products read: F32 or BF16
     * @param place room for {@link #floats} of the largest
     */
    public RoundedRows(WorkerPool pool, DType type, Floats place) {
        this.pool = pool;
        this.type = type;
        this.place = place;
    }

    /** Floats of the room that some rows take. */
    public static long floats(DType type, long rows, long width) {
        return type == DType.F32 ? 0 : Math.ceilDiv(rows * width * Short.BYTES, (long) Float.BYTES);
    }

    /**
     * Some rows. Where they are rounded, zeros follow up to the padded count, so that products of
     * few shapes may take them for rows.
     */
    public Variants of(Variants x, int width, int rows) {
        if (type == DType.F32) {
            return x;
        }
        Variants rounded =
                new Variants(
                        new Floats(
                                place.segment(), place.start() * Float.BYTES / Short.BYTES, type),
                        0,
                        width);
        Operands.round(pool, x, rounded, 1, rows, width);
        long end = rounded.of(0).start() + (long) rows * width;
        long padding = (long) (MicroBatch.padded(rows) - rows) * width;
        place.segment().asSlice(end * Short.BYTES, padding * Short.BYTES).fill((byte) 0);
        return rounded;
    }
}
