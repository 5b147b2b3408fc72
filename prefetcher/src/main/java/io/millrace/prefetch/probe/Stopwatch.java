package io.millrace.prefetch.probe;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;

/** Wall and processor time of pieces of work that move bytes. */
final class Stopwatch {
    private static final OperatingSystemMXBean SYSTEM =
            ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    private static final double NANOS = 1e9;

    private Stopwatch() {}

    /**
     * What a byte costs.
     *
     * @param bytesPerSecond the median of some rounds
     * @param cpuSeconds processor seconds of this process a byte
     */
    record Rate(double bytesPerSecond, double cpuSeconds) {}

    /** Runs work some times and takes the median; each time moves so many bytes. */
    static Rate rate(int rounds, long bytes, Runnable work) {
        double[] rates = new double[rounds];
        long cpuBefore = SYSTEM.getProcessCpuTime();
        for (int round = 0; round < rounds; round++) {
            rates[round] = bytes / seconds(work);
        }
        double cpu = (SYSTEM.getProcessCpuTime() - cpuBefore) / NANOS;
        return new Rate(median(rates), cpu / rounds / bytes);
    }

    /** Seconds that work takes. */
    static double seconds(Runnable work) {
        long begin = System.nanoTime();
        work.run();
        return (System.nanoTime() - begin) / NANOS;
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
