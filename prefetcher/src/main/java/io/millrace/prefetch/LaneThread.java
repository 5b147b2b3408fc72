package io.millrace.prefetch;

import com.lmax.disruptor.AlertException;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.Sequence;
import com.lmax.disruptor.SequenceBarrier;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** One lane on a thread of its own: takes visits in order, after the lane before it. */
abstract class LaneThread implements Runnable {
    private static final Duration GRACE = Duration.ofMillis(100);

    /** What a lane is at. */
    enum Activity {
        IDLE("waiting for a visit after"),
        WAITING("waiting for room for"),
        JOURNAL("waiting for the journal to hold"),
        COMPUTING("waiting for the device to have computed"),
        MOVING("moving");

        private final String verb;

        Activity(String verb) {
            this.verb = verb;
        }

        /** Whether something outside the pipeline is what takes the time. */
        boolean isOutside() {
            return this == MOVING || this == JOURNAL || this == COMPUTING;
        }
    }

    /** The lanes' common surroundings. */
    record Site(
            RingBuffer<Visit> ring,
            PipelineMonitor monitor,
            BlockTable table,
            BlockMemory memory,
            SpanRecorder spans) {}

    final Site site;
    private final Lane lane;
    private final SequenceBarrier barrier;
    private final Sequence sequence = new Sequence();
    private final Thread thread;

    // Written by the lane and read by whoever reports a stall: a torn report would do no harm.
    private volatile Activity activity = Activity.IDLE;
    private volatile int block;
    private volatile long step;
    private volatile long sinceNs = System.nanoTime();

    LaneThread(Lane lane, Site site, Sequence... after) {
        this.lane = lane;
        this.site = site;
        this.barrier = site.ring().newBarrier(after);
        this.thread = Thread.ofPlatform().daemon().name("millrace-" + lane.label()).unstarted(this);
    }

    /** Does this lane's part of a visit. */
    abstract void handle(Visit visit) throws AlertException, InterruptedException;

    @Override
    public final void run() {
        try {
            for (long next = 0; ; next++) {
                barrier.waitFor(next);
                site.monitor().checkRunning();
                handle(site.ring().get(next));
                sequence.set(next);
                note(Activity.IDLE, block, step);
                site.monitor().signalAllWhenBlocking();
            }
        } catch (AlertException _) {
            // The pipeline was closed, or has failed elsewhere.
        } catch (Throwable failure) {
            site.monitor().fail(failedAt(), failure);
        }
    }

    /** Moves a visit's bytes, which takes a span. */
    final void move(Visit visit, Runnable transfer) {
        move(visit, transfer, null);
    }

    /** Moves a visit's bytes, which takes the span that a device tells of it. */
    final void move(Visit visit, Runnable transfer, CopyTimes times) {
        note(Activity.MOVING, visit.block, visit.step);
        long token = site.spans().begin(lane, visit.block, visit.step);
        boolean moved = false;
        try {
            transfer.run();
            moved = true;
        } finally {
            long bytes = moved ? bytes(visit) : 0;
            if (moved && times != null) {
                site.spans().end(token, times.beganNs(), times.endedNs(), bytes);
            } else {
                site.spans().end(token, bytes);
            }
        }
    }

    private long bytes(Visit visit) {
        return lane == Lane.NVME_READ && visit.head
                ? site.memory().headBytes(visit.block)
                : site.memory().blockBytes(visit.block);
    }

    /** Says what the lane is at, which counts as progress. */
    final void note(Activity what, int visitedBlock, long visitStep) {
        block = visitedBlock;
        step = visitStep;
        activity = what;
        sinceNs = System.nanoTime();
        site.monitor().progressed();
    }

    private String failedAt() {
        return lane.label() + " of block " + block + " in step " + step + " failed";
    }

    /** What the lane is at, for a report. */
    final String describe() {
        return String.format(
                Locale.ROOT,
                "%s has been %s block %d of step %d (%d bytes) for %.1f s",
                thread.getName(),
                activity.verb,
                block,
                step,
                site.memory().blockBytes(block),
                (System.nanoTime() - sinceNs) / 1e9);
    }

    final Activity activity() {
        return activity;
    }

    /**
     * Waits until it has ended; a second time where it has to be told to give up.
     *
     * @param limit how long transfers may take
     */
    final boolean ends(Duration limit) {
        boolean interrupted = false;
        List<Duration> waits =
                site.monitor().isSound() ? List.of(limit, GRACE) : List.of(GRACE, limit);
        for (Duration wait : waits) {
            try {
                if (thread.join(wait)) {
                    break;
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
            // What waits outside the pipeline, for the journal say, is told to give up; transfers
            // under way are not disturbed by it.
            thread.interrupt();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        // Asked as join() asks: for a moment a thread that has terminated still says it is alive.
        return thread.getState() == Thread.State.TERMINATED;
    }

    /** The last visit that this lane has passed. */
    final Sequence sequence() {
        return sequence;
    }

    final Thread thread() {
        return thread;
    }
}
