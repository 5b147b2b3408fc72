package io.millrace.memory.nvme;

import java.time.Duration;

/**
 * When something that makes a run's progress durable is due again: often enough that a kill costs
 * little, and seldom enough that it takes a small share of the time.
 *
 * @param share of the time that it may take, above 0
 * @param least pause between the end of one and the begin of the next
 * @param most pause, whatever the share
 */
public record SyncCadence(double share, Duration least, Duration most) {
    /**
     * Syncs beside a run: a quarter of a percent of the time, which with as much for writing blocks
     * that stay in memory makes half a percent, once a second at most and once a minute at least,
     * so that a kill costs no more than a minute of applying updates.
     */
    public static final SyncCadence DEFAULT =
            new SyncCadence(0.0025, Duration.ofSeconds(1), Duration.ofMinutes(1));

    /** Checks the numbers. */
    public SyncCadence {
        if (!(share > 0) || least.isNegative() || most.compareTo(least) < 0) {
            throw new IllegalArgumentException(share + " from " + least + " to " + most);
        }
    }

    /**
     * How long to wait.
     *
     * @param took how long the last one took, zero before the first
     */
    public Duration pauseAfter(Duration took) {
        Duration afforded = Duration.ofNanos((long) (took.toNanos() / share));
        if (afforded.compareTo(least) < 0) {
            return least;
        }
        return afforded.compareTo(most) > 0 ? most : afforded;
    }
}
