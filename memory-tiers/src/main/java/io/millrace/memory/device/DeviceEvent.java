package io.millrace.memory.device;

/** A place in a stream that others can wait for and that keeps the time at which it was passed. */
public interface DeviceEvent extends AutoCloseable {
    /** Whether its last record has happened; true where it was never recorded. */
    boolean isDone();

    /**
     * Waits until its last record has happened.
     *
     * @throws io.millrace.memory.StreamFailedException when the stream had failed before it got
     *     there
     */
    void synchronize();

    /**
     * When the stream passed it, on the clock of {@link System#nanoTime}; meaningful once it is
     * done. Two events on one stream give the span of the work between.
     */
    long timeNs();

    /** Frees what the device holds for it. */
    @Override
    void close();
}
