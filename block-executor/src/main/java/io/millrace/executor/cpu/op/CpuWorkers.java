package io.millrace.executor.cpu.op;

/** A worker pool and what each of its workers owns. */
public final class CpuWorkers implements AutoCloseable {
    private final WorkerPool pool;
    private final Gemm[] gemms;
    private final Attention[] attentions;

    /**
     * Starts the workers.
     *
     * @param workers threads at work, the caller included
     */
    public CpuWorkers(int workers) {
        gemms = new Gemm[workers];
        attentions = new Attention[workers];
        for (int i = 0; i < workers; i++) {
            gemms[i] = new Gemm();
            attentions[i] = new Attention(gemms[i]);
        }
        pool = new WorkerPool(workers);
    }

    /** The threads. */
    public WorkerPool pool() {
        return pool;
    }

    /** The products of one worker, to be used by it alone. */
    public Gemm gemm(int workerIndex) {
        return gemms[workerIndex];
    }

    /** The attention of one worker, to be used by it alone. */
    public Attention attention(int workerIndex) {
        return attentions[workerIndex];
    }

    /** Ends the threads, then frees what they owned; a second call does nothing. */
    @Override
    public void close() {
        pool.close();
        for (int i = 0; i < gemms.length; i++) {
            gemms[i].close();
            attentions[i].close();
        }
    }
}
