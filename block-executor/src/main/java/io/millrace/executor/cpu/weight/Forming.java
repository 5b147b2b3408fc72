package io.millrace.executor.cpu.weight;

import io.millrace.executor.step.Floats;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A tensor that is being formed whole, each element once and by any worker. Closing it checks that
 * all were formed and only then says so to the visit: bytes that hold a step in part would take it
 * again, or never.
 */
public final class Forming implements TensorForm, AutoCloseable {
    private final HostVisit visit;
    private final int tensor;
    private final TensorForm form;
    private final AtomicLong formed = new AtomicLong();

    /**
     * Begins.
     *
     * @param visit the block's
     * @param tensor its place in the block
     * @param form what forms it, and stores it if that is due
     */
    public Forming(HostVisit visit, int tensor, TensorForm form) {
        this.visit = visit;
        this.tensor = tensor;
        this.form = form;
    }

    @Override
    public void range(long first, long count, Floats place, long stride, int worker) {
        form.range(first, count, place, stride, worker);
        formed.addAndGet(count);
    }

    @Override
    public void columns(int from, int count, Floats place, long stride, int worker) {
        form.columns(from, count, place, stride, worker);
        long rows = visit.slot(tensor).elementCount() / visit.slot(tensor).shape().getLast();
        formed.addAndGet(rows * count);
    }

    /**
     * Ends it.
     *
     * @throws IllegalStateException when elements were left out, or formed twice
     */
    @Override
    public void close() {
        long elements = visit.slot(tensor).elementCount();
        if (formed.get() != elements) {
            throw new IllegalStateException(
                    formed.get()
                            + " of "
                            + elements
                            + " elements of '"
                            + visit.slot(tensor).name()
                            + "' were formed");
        }
        visit.markFormed(tensor);
    }
}
