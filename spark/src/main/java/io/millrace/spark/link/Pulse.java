package io.millrace.spark.link;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Does something again and again, on a thread of its own that ends with the program. */
final class Pulse implements AutoCloseable {
    private final ScheduledExecutorService beats;
    private final Future<?> beating;

    Pulse(Duration every, Runnable beat) {
        beats =
                Executors.newSingleThreadScheduledExecutor(
                        Thread.ofPlatform().daemon().name("millrace-pulse").factory());
        beating =
                beats.scheduleWithFixedDelay(
                        beat, every.toMillis(), every.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        beating.cancel(false);
        beats.shutdownNow();
    }
}
