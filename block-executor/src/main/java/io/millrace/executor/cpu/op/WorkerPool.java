package io.millrace.executor.cpu.op;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed team of threads that shares out numbered tasks; the caller works too, as worker 0.
 *
 * <p>One caller at a time. Idle threads spin for some microseconds, then park: operators follow
 * each other closely, and the cores also belong to those who move blocks.
 */
public final class WorkerPool implements AutoCloseable {
    /** A piece of parallel work, numbered from 0. */
    @FunctionalInterface
    public interface Task {
        /**
         * Does one piece.
         *
         * @param taskIndex which piece, in [0, tasks)
         * @param workerIndex who does it, in [0, workers): the key to scratch memory
         */
        void run(int taskIndex, int workerIndex);
    }

    // About 10 to 20 µs: longer than the gap between two operators, shorter than a time slice.
    private static final int SPINS = 400;
    private static final long UNCLAIMED_MASK = 0xFFFF_FFFFL;

    private final Worker[] others;
    private final OperatorClock clock;

    // Generation in the upper half, unclaimed tasks in the lower: one CAS claims a task and proves
    // that it belongs to the call whose fields were published before it.
    private final AtomicLong unclaimed = new AtomicLong();
    private final AtomicInteger unfinished = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final AtomicBoolean busy = new AtomicBoolean();
    private Task task; // published by unclaimed
    private Operator operator; // published by unclaimed
    private int taskCount; // published by unclaimed
    private volatile Thread parkedCaller;
    private volatile boolean closed;

    /** A team as large as the machine. */
    public WorkerPool() {
        this(Runtime.getRuntime().availableProcessors());
    }

    /**
     * A team of the given size.
     *
     * @param workers threads at work in a call, the caller included; at least 1
     */
    public WorkerPool(int workers) {
        this(workers, true);
    }

    /**
     * A team whose threads may be left unstarted: others then play them, step by step.
     *
     * @param workers threads at work in a call, the caller included
     * @param starts whether they run
     */
    WorkerPool(int workers, boolean starts) {
        if (workers < 1) {
            throw new IllegalArgumentException("workers must be at least 1, not " + workers);
        }
        clock = new OperatorClock(workers);
        others = new Worker[workers - 1];
        for (int i = 0; i < others.length; i++) {
            others[i] = new Worker(i + 1);
        }
        for (int i = 0; starts && i < others.length; i++) {
            others[i].start();
        }
    }

    /** Threads at work in a call, the caller included. */
    public int workers() {
        return others.length + 1;
    }

    /** Where the workers' time goes; a task that changes its operator says so there. */
    public OperatorClock clock() {
        return clock;
    }

    /** The same as {@link #parallelFor(int, Operator, Task)} for work that is no operator's. */
    public void parallelFor(int tasks, Task work) {
        parallelFor(tasks, Operator.OTHER, work);
    }

    /**
     * Runs the tasks 0 to {@code tasks - 1}, in any order, and returns when all are done. After a
     * failure the tasks not yet begun are skipped, and the first failure is thrown here.
     *
     * @param tasks how many
     * @param first what a task begins with, for the clock
     * @param work what each does; must not call this pool
     */
    public void parallelFor(int tasks, Operator first, Task work) {
        if (closed) {
            throw new IllegalStateException("worker pool is closed");
        }
        if (tasks < 0) {
            throw new IllegalArgumentException("tasks must not be negative: " + tasks);
        }
        if (!busy.compareAndSet(false, true)) {
            throw new IllegalStateException("parallelFor called while another call runs");
        }
        try {
            if (tasks == 1 || others.length == 0) {
                for (int i = 0; i < tasks; i++) {
                    clock.enter(0, first);
                    work.run(i, 0);
                }
            } else if (tasks > 1) {
                share(tasks, first, work);
            }
        } finally {
            clock.enter(0, Operator.OTHER);
            busy.set(false);
        }
    }

    private void share(int tasks, Operator first, Task work) {
        publish(tasks, first, work);
        for (int i = 0; i < others.length && i < tasks - 1; i++) {
            if (isParked(i + 1)) {
                LockSupport.unpark(others[i]);
            }
        }
        drain(0);
        awaitOthers();
        task = null;
        Throwable thrown = failure.getAndSet(null);
        if (thrown instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (thrown instanceof Error error) {
            throw error;
        }
    }

    /** Lets workers claim tasks. */
    void publish(int tasks, Operator first, Task work) {
        task = work;
        operator = first;
        taskCount = tasks;
        unfinished.set(tasks);
        long generation = (unclaimed.get() >>> Integer.SIZE) + 1;
        unclaimed.set(generation << Integer.SIZE | tasks); // publishes the fields above
    }

    /** Whether a worker must be woken; asked after {@link #publish}. */
    boolean isParked(int workerIndex) {
        return others[workerIndex - 1].parked;
    }

    /**
     * Says that a worker is about to park, and whether it may. The caller asks {@link #isParked}
     * after it publishes, so that one of the two sees the other.
     */
    boolean mayPark(int workerIndex) {
        others[workerIndex - 1].parked = true;
        return (unclaimed.get() & UNCLAIMED_MASK) == 0 && !closed;
    }

    /**
     * Says that the caller is about to park, and whether it may. Whoever ends the last task reads
     * that after its decrement, so that one of the two sees the other.
     */
    boolean callerMayPark() {
        parkedCaller = Thread.currentThread();
        return unfinished.get() != 0;
    }

    /** Ends a task; the caller if it must be woken, else null. */
    Thread finishTask() {
        return unfinished.decrementAndGet() == 0 ? parkedCaller : null;
    }

    private void awaitOthers() {
        int spins = 0;
        boolean interrupted = false;
        while (unfinished.get() != 0) {
            if (spins++ < SPINS) {
                Thread.onSpinWait();
                continue;
            }
            if (callerMayPark()) {
                LockSupport.park(this);
            }
            parkedCaller = null;
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Claims and runs tasks until none is left; false when there was none at all. */
    boolean drain(int workerIndex) {
        boolean any = false;
        long state = unclaimed.get();
        while ((state & UNCLAIMED_MASK) != 0) {
            if (unclaimed.compareAndSet(state, state - 1)) {
                any = true;
                runClaimed(taskCount - (int) (state & UNCLAIMED_MASK), workerIndex);
            }
            state = unclaimed.get();
        }
        return any;
    }

    private void runClaimed(int taskIndex, int workerIndex) {
        try {
            clock.enter(workerIndex, operator);
            if (failure.get() == null) {
                task.run(taskIndex, workerIndex);
            }
        } catch (RuntimeException | Error e) {
            Throwable first = failure.compareAndExchange(null, e);
            if (first != null && !first.equals(e)) { // a shared exception cannot suppress itself
                first.addSuppressed(e);
            }
        } finally {
            clock.enter(workerIndex, Operator.OTHER); // before others may read the sums
            LockSupport.unpark(finishTask()); // null is allowed
        }
    }

    /** Ends the threads and waits for them; a second call does nothing. */
    @Override
    public void close() {
        if (busy.get()) {
            throw new IllegalStateException("close called while a call runs");
        }
        closed = true;
        boolean interrupted = false;
        for (Worker worker : others) {
            LockSupport.unpark(worker);
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Worker extends Thread {
        private final int index;
        private volatile boolean parked;

        Worker(int index) {
            super("millrace-worker-" + index);
            this.index = index;
            setDaemon(true);
        }

        @Override
        public void run() {
            int spins = 0;
            while (!closed) {
                if (drain(index)) {
                    spins = 0;
                } else if (spins++ < SPINS) {
                    Thread.onSpinWait();
                } else {
                    park();
                    spins = 0;
                }
            }
        }

        private void park() {
            if (mayPark(index)) {
                LockSupport.park(WorkerPool.this);
                Thread.interrupted(); // an interrupt means nothing here and would make park return
            }
            parked = false;
        }
    }
}
