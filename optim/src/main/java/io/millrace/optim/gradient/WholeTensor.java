package io.millrace.optim.gradient;

import java.lang.foreign.MemorySegment;

/**
 * All of a tensor as a matrix, for a rule that has to know the whole gradient before it changes
 * anything. What is given to {@link #strips} and {@link #ranges} runs on several threads at once;
 * each returns when all is done. What a strip or a range is follows from sizes alone.
 */
public interface WholeTensor {
    /** Rows or columns of a strip; the last has what is left. */
    int STRIP = 32;

    /** Rows of a matrix that a piece of a strip is multiplied with at a time. */
    int SPARE = 4;

    /** Numbers of a range; the last has what is left. */
    int RANGE = 1 << 14;

    /** What strips are cut along. */
    enum Side {
        /** Strips of consecutive rows. */
        ROWS,
        /** Strips of consecutive columns. */
        COLUMNS
    }

    /** Takes strips of the gradient, each in pieces of its length: on one thread, in order. */
    @FunctionalInterface
    interface Strip {
        /**
         * A piece.
         *
         * @param first the first row, or column, of the strip
         * @param count how many
         * @param from the first column of the piece, or row
         * @param inner how many
         * @param slab [inner, count]: rows are transposed, columns as they lie
         * @param spare {@link #SPARE} times inner floats of whatever value, nobody else's meanwhile
         */
        void take(int first, int count, int from, int inner, float[] slab, float[] spare);
    }

    /** Takes ranges. */
    @FunctionalInterface
    interface Range {
        /**
         * A range.
         *
         * @param first its first number
         * @param count how many
         * @param arrays that nobody else uses meanwhile, of {@link #RANGE} floats of whatever value
         */
        void take(long first, int count, float[][] arrays);
    }

    /** Shows all of the gradient. */
    void strips(Side side, Strip strip);

    /**
     * Goes over so many numbers.
     *
     * @param arrays how many each range needs
     */
    void ranges(long count, int arrays, Range range);

    /**
     * Reads some numbers of a state in float32. Before they were stored in a tensor's first turn
     * they are of no meaning.
     *
     * @param state its place in {@link GradientRule#kept}
     */
    void load(int state, long first, float[] to, int count);

    /** Stores some numbers of a state. */
    void store(int state, long first, float[] from, int count);

    /** As many floats as {@link GradientRule#workFloats} says, of whatever value. */
    MemorySegment work();
}
