package io.millrace.executor.step;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How much of a tensor has been formed by a pass that forms it whole, each element once and on any
 * thread. Closing it checks that all was, and only then says so to the visit: bytes that hold a
 * step in part would take it again, or never.
 */
public final class Coverage implements AutoCloseable {
    private final BlockVisit visit;
    private final int tensor;
    private final AtomicLong formed = new AtomicLong();

    Coverage(BlockVisit visit, int tensor) {
        this.visit = visit;
        this.tensor = tensor;
    }

    /** Counts elements that were formed. */
    public void add(long elements) {
        formed.addAndGet(elements);
    }

    /** Elements so far. */
    public long formed() {
        return formed.get();
    }

    public boolean isWhole() {
        return formed.get() == visit.slot(tensor).elementCount();
    }

    /**
     * Ends it.
     *
     * @throws IllegalStateException when elements were left out, or formed twice
     */
    @Override
    public void close() {
        if (!isWhole()) {
            throw new IllegalStateException(
                    formed.get()
                            + " of "
                            + visit.slot(tensor).elementCount()
                            + " elements of '"
                            + visit.slot(tensor).name()
                            + "' were formed");
        }
        visit.markFormed(tensor);
    }
}
