package io.millrace.executor.probe;

import java.util.Arrays;

/** Repeats work until it is warm and its median can be trusted. */
final class Timing {
    private static final double NANOS = 1e9;
    private static final int FEWEST = 3;
    private static final int MOST = 400;

    private final double warmSeconds;
    private final double measuredSeconds;

    Timing(double warmSeconds, double measuredSeconds) {
        this.warmSeconds = warmSeconds;
        this.measuredSeconds = measuredSeconds;
    }

    /** Seconds that one run takes, the median of those after the warm ones. */
    double seconds(Runnable work) {
        work.run();
        repeat(work, warmSeconds);
        double[] seconds = repeat(work, measuredSeconds);
        Arrays.sort(seconds);
        return seconds[seconds.length / 2];
    }

    private static double[] repeat(Runnable work, double atLeast) {
        double[] seconds = new double[MOST];
        double sum = 0;
        int count = 0;
        while (count < MOST && (count < FEWEST || sum < atLeast)) {
            long begin = System.nanoTime();
            work.run();
            seconds[count] = (System.nanoTime() - begin) / NANOS;
            sum += seconds[count++];
        }
        return Arrays.copyOf(seconds, count);
    }
}
