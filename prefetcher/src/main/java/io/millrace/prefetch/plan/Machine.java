package io.millrace.prefetch.plan;

import io.millrace.memory.device.DeviceName;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A machine as the planner sees it: probed, or described by who asks "what if".
 *
 * @param name what it is, in one line
 * @param measured whether a probe measured it
 * @param drive where blocks lie that host memory does not hold
 * @param host its memory and cores
 * @param device what computes
 * @param missing what a run would miss here and how to mend it, a line each
 */
public record Machine(
        String name,
        boolean measured,
        Drive drive,
        Host host,
        Accelerator device,
        List<String> missing) {
    /** Freezes the list. */
    public Machine {
        missing = List.copyOf(missing);
    }

    /**
     * A drive, or several as one.
     *
     * @param readBytesPerSecond alone
     * @param writeBytesPerSecond alone
     * @param readWhileWriting reading while writes run
     * @param writeWhileReading writing while reads run
     * @param readCpuSeconds processor seconds a byte that reading takes, the checksum included
     * @param writeCpuSeconds the same for writing
     * @param syncSeconds making a step's journal line durable
     * @param freeBytes room on it
     * @param path what moves the bytes, such as {@code io_uring with O_DIRECT}
     */
    public record Drive(
            double readBytesPerSecond,
            double writeBytesPerSecond,
            double readWhileWriting,
            double writeWhileReading,
            double readCpuSeconds,
            double writeCpuSeconds,
            double syncSeconds,
            long freeBytes,
            String path) {}

    /**
     * Host memory and cores.
     *
     * @param cores hardware threads
     * @param memoryBytes all of its memory
     * @param availableBytes what a run could take
     * @param copyBytesPerSecond a copy from memory to memory
     * @param pinBytesPerSecond pinning fresh memory
     * @param pinLimitBytes the most that may be pinned; −1 for no limit
     */
    public record Host(
            int cores,
            long memoryBytes,
            long availableBytes,
            double copyBytesPerSecond,
            double pinBytesPerSecond,
            long pinLimitBytes) {
        /** The same with other memory. */
        public Host withMemory(long allBytes, long available) {
            return new Host(
                    cores,
                    allBytes,
                    available,
                    copyBytesPerSecond,
                    pinBytesPerSecond,
                    pinLimitBytes);
        }
    }

    /**
     * What computes.
     *
     * @param name which device it is
     * @param onHostCores whether it computes on the host's cores, which the lanes share with it
     * @param memoryBytes its own memory; 0 where there is none
     * @param h2dBytesPerSecond alone
     * @param d2hBytesPerSecond alone
     * @param h2dWhileD2h with both directions busy
     * @param d2hWhileH2d with both directions busy
     * @param copyCpuSeconds processor seconds a copied byte takes
     * @param rates of computing
     */
    public record Accelerator(
            DeviceName name,
            boolean onHostCores,
            long memoryBytes,
            double h2dBytesPerSecond,
            double d2hBytesPerSecond,
            double h2dWhileD2h,
            double d2hWhileH2d,
            double copyCpuSeconds,
            ComputeRates rates) {
        /** Whether it computes on host memory, so that nothing is copied to it. */
        public boolean isUnified() {
            return name.kind().unifiedMemory();
        }

        /** The same with other rates. */
        public Accelerator withRates(ComputeRates other) {
            return new Accelerator(
                    name,
                    onHostCores,
                    memoryBytes,
                    h2dBytesPerSecond,
                    d2hBytesPerSecond,
                    h2dWhileD2h,
                    d2hWhileH2d,
                    copyCpuSeconds,
                    other);
        }

        /** The same under another name, such as the emulated device of a CPU that was probed. */
        public Accelerator withName(DeviceName other) {
            return new Accelerator(
                    other,
                    onHostCores,
                    memoryBytes,
                    h2dBytesPerSecond,
                    d2hBytesPerSecond,
                    h2dWhileD2h,
                    d2hWhileH2d,
                    copyCpuSeconds,
                    rates);
        }
    }

    /**
     * The machine of a run whose products round their operands to bfloat16; empty where their rates
     * are unknown.
     */
    public Optional<Machine> rounding() {
        return device.rates().rounding().map(rates -> withDevice(device.withRates(rates)));
    }

    /** The same with another device. */
    public Machine withDevice(Accelerator other) {
        return new Machine(name, measured, drive, host, other, missing);
    }

    /** The same, missing more. */
    public Machine withMissing(List<String> more) {
        List<String> all = new ArrayList<>(missing);
        all.addAll(more);
        return new Machine(name, measured, drive, host, device, all);
    }

    /** The same with another drive. */
    public Machine withDrive(Drive other) {
        return new Machine(name, measured, other, host, device, missing);
    }

    /** The same with other host memory. */
    public Machine withHost(Host other) {
        return new Machine(name, measured, drive, other, device, missing);
    }
}
