package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import java.util.OptionalLong;

/**
 * What a run costs its drive.
 *
 * @param bytesPerStep written a step, in the mean
 * @param bytesPerDay written by a day of such steps
 * @param ratedBytes what the drive is rated for in its life, where that is known
 */
public record Wear(long bytesPerStep, double bytesPerDay, OptionalLong ratedBytes) {
    private static final double SECONDS_PER_DAY = 86_400;

    /** The wear that a profile shows. */
    public static Wear of(Profile profile, OptionalLong ratedBytes) {
        long bytes = profile.meanUse(Lane.NVME_WRITE).bytes();
        double seconds = profile.mean(step -> step.metrics().overlap().seconds());
        return new Wear(bytes, seconds > 0 ? bytes * SECONDS_PER_DAY / seconds : 0, ratedBytes);
    }

    /** Days of such steps until the rating is reached; infinite where nothing is written. */
    public double days() {
        return ratedBytes.isEmpty() ? Double.NaN : ratedBytes.getAsLong() / bytesPerDay;
    }
}
