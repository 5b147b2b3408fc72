package io.millrace.memory.device;

import io.millrace.memory.StreamFailedException;

/** An event of streams that are host threads. */
final class HostEvent implements DeviceEvent {
    // A record is asked for, then happens: the event is done when as many happened as were asked.
    private long asked;
    private long happened;
    private long timeNs;
    private Throwable failure;

    /** A stream was handed a record of it; the ticket that says which. */
    synchronized long ask() {
        return ++asked;
    }

    /** The stream got to a record. */
    synchronized void happen(long ticket, long nowNs, Throwable failureBefore) {
        happened = Math.max(happened, ticket);
        timeNs = nowNs;
        failure = failureBefore;
        notifyAll();
    }

    /** The ticket of the last record asked for. */
    synchronized long lastAsked() {
        return asked;
    }

    /** Waits for a record; what had failed before it, or null. */
    synchronized Throwable awaitTicket(long ticket) {
        boolean interrupted = false;
        while (happened < ticket) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true; // buffers are in use until the stream has passed
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return failure;
    }

    @Override
    public synchronized boolean isDone() {
        return happened >= asked;
    }

    @Override
    public void synchronize() {
        Throwable failed = awaitTicket(lastAsked());
        if (failed != null) {
            throw new StreamFailedException("a stream failed before the event", failed);
        }
    }

    @Override
    public synchronized long timeNs() {
        return timeNs;
    }

    @Override
    public void close() {}
}
