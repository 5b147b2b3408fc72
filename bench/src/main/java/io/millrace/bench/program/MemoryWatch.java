package io.millrace.bench.program;

import io.millrace.memory.BadInputException;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.CudaDriver;
import io.millrace.memory.device.DeviceKind;
import io.millrace.memory.device.DeviceName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Watches a process from outside: the most memory that was ever resident, by the system, and the
 * most of the card's memory beyond what was in use before, by NVML five times a second.
 */
public final class MemoryWatch implements AutoCloseable {
    private static final long PERIOD_NS = 200_000_000;

    private final int card; // -1 for none that tells
    private final long before;
    private final Thread watcher;
    private volatile long peak;
    private volatile boolean ends;

    /**
     * Begins to watch a card.
     *
     * @param device a card; others have no memory to watch
     */
    public MemoryWatch(DeviceName device) {
        int number = device.kind() == DeviceKind.CUDA ? device.ordinal() : -1;
        OptionalLong used = used(number);
        card = used.isPresent() ? number : -1;
        before = used.orElse(0);
        peak = before;
        watcher = Thread.ofPlatform().daemon().name("memory-watch").unstarted(this::watch);
        if (card >= 0) {
            watcher.start();
        }
    }

    private static OptionalLong used(int card) {
        if (card < 0) {
            return OptionalLong.empty();
        }
        try {
            CudaApi driver = CudaDriver.load();
            return driver.management(card).facts().stream()
                    .mapToLong(facts -> facts.memoryBytes() - facts.freeBytes())
                    .findFirst();
        } catch (BadInputException e) {
            return OptionalLong.empty(); // no driver: the run itself says so
        }
    }

    private void watch() {
        while (!ends) {
            used(card).ifPresent(now -> peak = Math.max(peak, now));
            LockSupport.parkNanos(PERIOD_NS);
        }
    }

    /** The card's most used bytes beyond those before; empty where nobody tells. */
    public OptionalLong peakDeviceBytes() {
        return card < 0 ? OptionalLong.empty() : OptionalLong.of(peak - before);
    }

    /** A process's most resident bytes so far; empty where it has ended. */
    public static OptionalLong peakResidentBytes(long pid) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return OptionalLong.of(Long.parseLong(line.replaceAll("[^0-9]", "")) << 10);
                }
            }
        } catch (IOException _) {
            return OptionalLong.empty(); // it ended, perhaps between two lines
        }
        return OptionalLong.empty();
    }

    @Override
    public void close() {
        ends = true;
        LockSupport.unpark(watcher);
        try {
            watcher.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
