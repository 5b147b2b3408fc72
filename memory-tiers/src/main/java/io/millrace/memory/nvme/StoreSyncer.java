package io.millrace.memory.nvme;

import java.lang.System.Logger.Level;
import java.time.Duration;

/**
 * Makes a store's versions durable while a run goes on, on a thread of its own: nothing that
 * computes or moves blocks waits for it. What a kill or a loss of power costs is then bounded by
 * the cadence, however long the run was.
 */
public final class StoreSyncer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(StoreSyncer.class.getName());

    private final BlockStore store;
    private final SyncCadence cadence;
    private final Thread thread;
    // Guarded by this.
    private long syncs;
    private long syncNanos;
    private boolean closed;

    private StoreSyncer(BlockStore store, SyncCadence cadence) {
        this.store = store;
        this.cadence = cadence;
        thread = Thread.ofPlatform().daemon().name("millrace-store-sync").unstarted(this::run);
    }

    /**
     * Starts syncing.
     *
     * @param store stays open until this is closed
     * @param cadence how often
     */
    public static StoreSyncer start(BlockStore store, SyncCadence cadence) {
        StoreSyncer syncer = new StoreSyncer(store, cadence);
        syncer.thread.start();
        return syncer;
    }

    /** Syncs so far. */
    public synchronized long syncs() {
        return syncs;
    }

    /** How long they took, all of them together. */
    public synchronized Duration syncTime() {
        return Duration.ofNanos(syncNanos);
    }

    private void run() {
        Duration took = Duration.ZERO;
        try {
            while (pause(cadence.pauseAfter(took))) {
                long beganNs = System.nanoTime();
                store.sync();
                took = Duration.ofNanos(System.nanoTime() - beganNs);
                count(took);
            }
        } catch (RuntimeException | Error e) {
            // The store takes no more writes from now on, so the run hears of it from the next.
            LOG.log(Level.ERROR, "the block store could not be made durable", e);
        }
    }

    private synchronized void count(Duration took) {
        syncs++;
        syncNanos += took.toNanos();
    }

    /** Waits; false once it is closed. */
    private synchronized boolean pause(Duration pause) {
        long untilNs = System.nanoTime() + pause.toNanos();
        try {
            for (long left = pause.toNanos(); left > 0 && !closed; ) {
                // Rounded up, for a wait of 0 would be for ever.
                wait(Duration.ofNanos(left).toMillis() + 1);
                left = untilNs - System.nanoTime();
            }
        } catch (InterruptedException e) {
            return false;
        }
        return !closed;
    }

    /** Waits for a sync under way, and begins none any more; a second call does nothing. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
