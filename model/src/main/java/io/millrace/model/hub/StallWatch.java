package io.millrace.model.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/**
 * Ends reads of a connection that gives nothing for too long: a request's own time limit ends with
 * the answer's first line. A thread of its own closes the stream, which the reader then sees end.
 */
final class StallWatch implements AutoCloseable {
    private final InputStream watched;
    private final long silenceNs;
    private final Thread watcher;
    private volatile long heardNs = System.nanoTime();
    private volatile boolean stalled;

    StallWatch(InputStream watched, Duration silence) {
        this.watched = watched;
        this.silenceNs = silence.toNanos();
        this.watcher = Thread.ofVirtual().name("hub-stall-watch").start(this::watch);
    }

    /** Something came. */
    void heard() {
        heardNs = System.nanoTime();
    }

    /** Whether it was this that closed the stream. */
    boolean hasStalled() {
        return stalled;
    }

    private void watch() {
        try {
            long left = silenceNs;
            while (left > 0) {
                Thread.sleep(Duration.ofNanos(left));
                left = silenceNs - (System.nanoTime() - heardNs);
            }
            stalled = true;
            watched.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the reader is done
        } catch (IOException e) {
            stalled = true; // the reader finds it broken
        }
    }

    @Override
    public void close() {
        watcher.interrupt();
    }
}
