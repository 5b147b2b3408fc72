package io.millrace.memory.nvme.io;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * One read, write or sync of a file: made once, prepared and submitted again and again. Whoever
 * prepares it may not touch it from the submission until {@link Completion#completed}.
 */
public final class IoRequest {
    /** What a request asks for. */
    public enum Op {
        /** From the file to memory. */
        READ,
        /** From memory to the file. */
        WRITE,
        /** Every write that completed before is to survive a loss of power. */
        SYNC
    }

    /** Hears of the end of a request, on the thread that brought it; it may submit again. */
    @FunctionalInterface
    public interface Completion {
        /** The request ended; {@link IoRequest#result} says how. */
        void completed(IoRequest request);
    }

    /** Sees a result before the completion does; wrappers inject and record with it. */
    @FunctionalInterface
    public interface Interceptor {
        /** The result to go on with. */
        int intercept(IoRequest request, int result);
    }

    private final Completion completion;
    private Op op = Op.SYNC;
    private long position;
    private MemorySegment memory = MemorySegment.NULL;
    private long memoryOffset;
    private int length;
    private int result;
    private Interceptor interceptor;

    // The queue that holds the request links it here, so that queueing allocates nothing.
    IoRequest next;
    NativeFile file;

    /** A request that tells the given completion of every end. */
    public IoRequest(Completion completion) {
        this.completion = completion;
    }

    /**
     * Prepares a read or write of bytes that lie one after another.
     *
     * @param op READ or WRITE
     * @param position in the file
     * @param memory where to or from
     * @param memoryOffset the first byte in it
     * @param length bytes, at least 1
     */
    public IoRequest prepare(
            Op op, long position, MemorySegment memory, long memoryOffset, int length) {
        Objects.checkFromIndexSize(memoryOffset, length, memory.byteSize());
        if (op == Op.SYNC || position < 0 || length < 1) {
            throw new IllegalArgumentException(op + " of " + length + " bytes at " + position);
        }
        this.op = op;
        this.position = position;
        this.memory = memory;
        this.memoryOffset = memoryOffset;
        this.length = length;
        return this;
    }

    /** Prepares a sync. */
    public IoRequest prepareSync() {
        op = Op.SYNC;
        position = 0;
        memory = MemorySegment.NULL;
        memoryOffset = 0;
        length = 0;
        return this;
    }

    /** What it asks for. */
    public Op op() {
        return op;
    }

    /** Where in the file. */
    public long position() {
        return position;
    }

    /** Bytes asked for. */
    public int length() {
        return length;
    }

    /** The memory's part that the request reads or writes. */
    public MemorySegment data() {
        return memory.asSlice(memoryOffset, length);
    }

    /** Bytes moved, which may be fewer than asked for, or the negated errno. */
    public int result() {
        return result;
    }

    /** Ends the request: bytes moved, or the negated errno. */
    public void complete(int bytesOrError) {
        Interceptor seesFirst = interceptor;
        interceptor = null;
        result = seesFirst == null ? bytesOrError : seesFirst.intercept(this, bytesOrError);
        completion.completed(this);
    }

    /** Asks for fewer bytes than were prepared. */
    void shorten(int fewer) {
        length = fewer;
    }

    /** Lets a wrapper see the next result before the ones that it already has. */
    public void interceptBy(Interceptor inner) {
        Interceptor outer = interceptor;
        interceptor =
                outer == null
                        ? inner
                        : (request, value) ->
                                outer.intercept(request, inner.intercept(request, value));
    }

    long address() {
        return memory.address() + memoryOffset;
    }

    /** The request as the call that it becomes, for messages. */
    String describe(Object path) {
        return op == Op.SYNC
                ? "fdatasync(" + path + ")"
                : (op == Op.READ ? "read(" : "write(")
                        + path
                        + ", "
                        + length
                        + " bytes at "
                        + position
                        + ")";
    }
}
