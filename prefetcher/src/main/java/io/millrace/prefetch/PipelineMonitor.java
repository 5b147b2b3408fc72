package io.millrace.prefetch;

import com.lmax.disruptor.AlertException;
import com.lmax.disruptor.Sequence;
import com.lmax.disruptor.SequenceBarrier;
import com.lmax.disruptor.WaitStrategy;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * The one lock of a pipeline. Lanes wait in it for the lane before them, for slots and for each
 * other's write-backs, without spinning: the strategies that come with the ring spin while they
 * wait for another lane, and the computation needs every core. A block takes milliseconds, so
 * waking all waiters on each change costs nothing that shows.
 */
final class PipelineMonitor implements WaitStrategy {
    // The first failure and where; guarded by this.
    private Throwable failure;
    private String failed = "";
    private boolean stopped;
    private volatile long lastProgressNs = System.nanoTime();

    @Override
    public synchronized long waitFor(
            long sequence, Sequence cursor, Sequence dependent, SequenceBarrier barrier)
            throws AlertException, InterruptedException {
        long available = dependent.get();
        while (available < sequence) {
            checkRunning();
            wait();
            available = dependent.get();
        }
        return available;
    }

    @Override
    public synchronized void signalAllWhenBlocking() {
        progressed();
        notifyAll();
    }

    /**
     * Notes that a lane goes on, so that a wait for it is no stall. Called for every piece that
     * moves, from any thread: no lock and no allocation.
     */
    void progressed() {
        lastProgressNs = System.nanoTime();
    }

    /** Ends a lane's work where the pipeline has failed or is being closed. */
    synchronized void checkRunning() throws AlertException {
        if (failure != null || stopped) {
            throw AlertException.INSTANCE;
        }
    }

    /** Waits, as a lane, until a condition that is guarded by this lock holds. */
    synchronized void await(BooleanSupplier condition) throws AlertException, InterruptedException {
        checkRunning();
        while (!condition.getAsBoolean()) {
            wait();
            checkRunning();
        }
    }

    /**
     * Waits, as the computation, until a lane has passed a sequence or the pipeline fails.
     *
     * @param limitNs how long nothing may move meanwhile
     * @return false when nothing moved for so long
     */
    synchronized boolean awaitPassed(Sequence lane, long sequence, long limitNs)
            throws InterruptedException {
        long beganNs = System.nanoTime();
        while (lane.get() < sequence && failure == null && !stopped) {
            long nowNs = System.nanoTime();
            long quietNs = nowNs - Math.max(beganNs, lastProgressNs);
            if (quietNs >= limitNs) {
                return false;
            }
            // Rounded up, for a wait of 0 would be for ever.
            wait(TimeUnit.NANOSECONDS.toMillis(limitNs - quietNs) + 1);
        }
        return true;
    }

    /** Poisons the pipeline; failures after the first are suppressed into it. */
    synchronized void fail(String what, Throwable cause) {
        if (failure == null) {
            failure = cause;
            failed = what;
        } else if (!failure.equals(cause)) {
            failure.addSuppressed(cause);
        }
        notifyAll();
    }

    /** Asks the lanes to end after what they are at. */
    synchronized void stop() {
        stopped = true;
        notifyAll();
    }

    /** Whether nothing has failed so far. */
    synchronized boolean isSound() {
        return failure == null;
    }

    /** Throws the first failure, if there is one. */
    synchronized void requireSound() {
        if (failure != null) {
            throw new FeedException(failed + ": " + failure.getMessage(), failure);
        }
        if (stopped) {
            throw new IllegalStateException("the block feed is closed");
        }
    }
}
