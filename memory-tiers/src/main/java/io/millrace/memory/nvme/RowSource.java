package io.millrace.memory.nvme;

import java.lang.foreign.MemorySegment;

/** Gives single rows of a table that lies in no block. For use by one thread at a time. */
public interface RowSource {
    /** Takes a row while its bytes are there. */
    @FunctionalInterface
    interface Taker {
        /**
         * Takes it.
         *
         * @param index which of those that were asked for
         * @param row its bytes, until the call returns
         */
        void take(int index, MemorySegment row);
    }

    /**
     * Gives rows in the order in which they are asked for.
     *
     * @param step that looks them up
     * @param rows each once
     * @param taker gets them
     */
    void read(long step, int[] rows, Taker taker);

    /** The last step whose update the rows hold; 0 for those of the base. */
    default long foldedThrough() {
        return 0;
    }
}
