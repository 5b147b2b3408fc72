package io.millrace.memory.cuda;

import io.millrace.memory.NativeCallException;

/** An event of a {@link HostCuda}. */
final class HostCudaEvent {
    final boolean timing;
    private long asked;
    private long happened;
    private long deviceNs;

    HostCudaEvent(boolean timing) {
        this.timing = timing;
    }

    synchronized long ask() {
        return ++asked;
    }

    synchronized long lastAsked() {
        return asked;
    }

    synchronized void happen(long ticket, long nowNs) {
        happened = Math.max(happened, ticket);
        deviceNs = nowNs;
        notifyAll();
    }

    synchronized boolean isDone() {
        return happened >= asked;
    }

    synchronized boolean wasRecorded() {
        return asked > 0;
    }

    synchronized long deviceNs() {
        return deviceNs;
    }

    /** Waits for a record; gives up where the device has failed, as nothing happens there then. */
    synchronized void await(long ticket, HostCuda device) throws InterruptedException {
        while (happened < ticket && device.fault() == null) {
            wait(50); // a failure elsewhere wakes nobody here
        }
    }

    /** Milliseconds from this to another. */
    float elapsedMs(HostCudaEvent end) {
        boolean timed = timing && end.timing && wasRecorded() && end.wasRecorded();
        if (!timed || !isDone() || !end.isDone()) {
            throw new NativeCallException(
                    "cuEventElapsedTime()",
                    timed ? 600 : 400,
                    timed ? "CUDA_ERROR_NOT_READY" : "CUDA_ERROR_INVALID_HANDLE");
        }
        // The device counts in steps of about half a microsecond.
        return (end.deviceNs() - deviceNs()) / 512 * 512 / 1e6f;
    }
}
