package io.millrace.stream;

import java.lang.foreign.MemorySegment;

/** One block while a pass visits it. Its memory is another block's as soon as the work returns. */
public final class Block {
    private final int index;
    private final long pass;
    private final double[] input;
    private final MemorySegment memory;
    private final boolean mayChange;
    private boolean changed;

    Block(int index, long pass, double[] input, MemorySegment memory, boolean mayChange) {
        this.index = index;
        this.pass = pass;
        this.input = input;
        this.memory = memory;
        this.mayChange = mayChange;
    }

    /** Its place among the blocks, from 0. */
    public int index() {
        return index;
    }

    /** Which pass this is, from 1. */
    public long pass() {
        return pass;
    }

    /** The pass's input; not to be changed. */
    public double[] input() {
        return input;
    }

    /** Bytes of it. */
    public long size() {
        return memory.byteSize();
    }

    /** Its bytes, on a page boundary, to be read. */
    public MemorySegment bytes() {
        return memory.asReadOnly();
    }

    /**
     * The same bytes, to be changed: the block is then another, and goes back to where it lies.
     *
     * @throws IllegalStateException where the stream was opened without {@link
     *     BlockStream.Builder#writeBack}
     */
    public MemorySegment change() {
        if (!mayChange) {
            throw new IllegalStateException(
                    "block " + index + " of a stream that only reads; open it with writeBack()");
        }
        changed = true;
        return memory;
    }

    boolean isChanged() {
        return changed;
    }
}
