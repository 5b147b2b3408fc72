package io.millrace.executor.cpu.param;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Makes rows of a {@link LeftSide}. An instance belongs to one thread. */
final class LeftRows {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final float[] factor; // rows of a query's own left factor, or of the fixed one
    private float[] core = {};

    /** For so many floats of rows at once. */
    LeftRows(int floats) {
        factor = new float[floats];
    }

    /** Makes ready for the scales of one query, on some rows. */
    void begin(LeftSide side, long seed, long row, int rows) {
        int count = rows * side.rank();
        long first = row * side.rank();
        switch (side.direction().core()) {
            case LEFT, PAIR ->
                    side.direction().fillCore(seed, side.tensorId(), first, factor, 0, count);
            case RIGHT, SQUARE, DIAGONAL -> load(side.fixed().orElseThrow(), first, factor, count);
        }
    }

    /**
     * Rows as one scale sees them, which {@link #begin} has been told of.
     *
     * @param index the scale's number among those of all queries
     * @param scale it
     * @param w [rows, r]; written
     */
    void make(LeftSide side, int index, float scale, long row, int rows, float[] w) {
        switch (side.direction().core()) {
            case LEFT, PAIR -> {
                int count = rows * side.rank();
                if (side.gathered().isPresent()) {
                    load(side.gathered().get(), row * side.rank(), w, count);
                } else {
                    Arrays.fill(w, 0, count, 0f);
                }
                TileKernels.add(w, factor, count, scale);
                TileKernels.scale(w, count, side.scale());
            }
            case RIGHT -> {
                int count = rows * side.rank();
                TileKernels.product(w, factor, count, side.scale());
            }
            case SQUARE -> square(side, index, rows, w);
            case DIAGONAL -> diagonal(side, index, rows, w);
        }
    }

    /** Rows as a fold adds them. */
    void fold(LeftSide side, long row, int rows, float[] w) {
        switch (side.direction().core()) {
            case LEFT, PAIR -> {
                int count = rows * side.rank();
                load(side.gathered().orElseThrow(), row * side.rank(), w, count);
                TileKernels.scale(w, count, side.scale());
            }
            case RIGHT, SQUARE, DIAGONAL -> {
                begin(side, 0, row, rows);
                make(side, 0, 0, row, rows, w);
            }
        }
    }

    /** Rows of the fixed factor times a core. */
    private void square(LeftSide side, int index, int rows, float[] w) {
        int rank = side.rank();
        readCore(side, index);
        for (int at = 0; at < rows * rank; at += rank) {
            float first = factor[at];
            for (int j = 0; j < rank; j++) {
                w[at + j] = first * core[j];
            }
            for (int i = 1; i < rank; i++) {
                float value = factor[at + i];
                int line = i * rank;
                for (int j = 0; j < rank; j++) {
                    w[at + j] = Math.fma(value, core[line + j], w[at + j]);
                }
            }
        }
    }

    private void diagonal(LeftSide side, int index, int rows, float[] w) {
        int rank = side.rank();
        readCore(side, index);
        for (int at = 0; at < rows * rank; at += rank) {
            for (int j = 0; j < rank; j++) {
                w[at + j] = factor[at + j] * core[j];
            }
        }
    }

    private void readCore(LeftSide side, int index) {
        int count = side.coreFloats();
        if (core.length < count) {
            core = new float[count];
        }
        load(side.cores().orElseThrow(), (long) index * count, core, count);
    }

    private static void load(MemorySegment from, long first, float[] to, int count) {
        MemorySegment.copy(from, FLOAT, first * Float.BYTES, to, 0, count);
    }
}
