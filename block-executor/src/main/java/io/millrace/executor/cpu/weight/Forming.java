package io.millrace.executor.cpu.weight;

import io.millrace.executor.step.Coverage;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;

/**
 * A tensor that is being formed whole, each element once and by any worker. Closing it checks that
 * all were formed, and only then says so to the visit.
 */
public final class Forming implements TensorForm, AutoCloseable {
    private final HostVisit visit;
    private final int tensor;
    private final TensorForm form;
    private final Coverage coverage;

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
        coverage = visit.cover(tensor);
    }

    @Override
    public void range(long first, long count, Floats place, long stride, int worker) {
        form.range(first, count, place, stride, worker);
        coverage.add(count);
    }

    @Override
    public void columns(int from, int count, Floats place, long stride, int worker) {
        form.columns(from, count, place, stride, worker);
        long rows = visit.slot(tensor).elementCount() / visit.slot(tensor).shape().getLast();
        coverage.add(rows * count);
    }

    @Override
    public boolean turns(int rows, DType type) {
        return form.turns(rows, type);
    }

    @Override
    public void turned(int row, int rows, Floats place, long stride, int worker) {
        form.turned(row, rows, place, stride, worker);
        coverage.add(rows * visit.slot(tensor).shape().getLast());
    }

    /**
     * Ends it.
     *
     * @throws IllegalStateException when elements were left out, or formed twice
     */
    @Override
    public void close() {
        coverage.close();
    }
}
