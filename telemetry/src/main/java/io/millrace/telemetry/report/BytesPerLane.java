package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.MemoryGauge;
import io.millrace.telemetry.RunFacts;
import java.util.Optional;

/**
 * The estimate that a profile alone allows: a lane at its measured rate must need a little less
 * time than the computation, and every byte that stays in memory is one that it need not move.
 */
public final class BytesPerLane implements BudgetAdvisor {
    /** Of the computation's time, what a lane may take; the rest is for waking and filling. */
    private static final double TARGET = 0.95;

    /** The estimator, which has no state. */
    public BytesPerLane() {}

    @Override
    public Optional<Advice> advise(Profile profile) {
        Lane lane = Findings.meanWaits(profile).longest();
        LaneUse use = profile.meanUse(lane);
        double mayTake = TARGET * profile.meanUse(Lane.COMPUTE).busySeconds();
        if (use.bytes() == 0 || use.busySeconds() <= mayTake) {
            return Optional.empty(); // fast enough on the whole: bytes are not what it lacks
        }
        String tier = tier(lane);
        long passing = passingBytes(profile, tier);
        double more = Math.min((double) passing, use.bytes() * (1 - mayTake / use.busySeconds()));
        return held(profile, tier)
                .map(held -> new Advice(tier, Units.roundUp(held + (long) more), more >= passing));
    }

    /** The tier that spares a lane its bytes by holding them. */
    static String tier(Lane lane) {
        return lane == Lane.NVME_READ || lane == Lane.NVME_WRITE ? "host" : "device";
    }

    private static Optional<Long> held(Profile profile, String tier) {
        for (MemoryGauge kind : profile.facts().memory()) {
            if (kind.name().equals(tier)) {
                return Optional.of(kind.budget().orElseGet(() -> kind.peak().getAsLong()));
            }
        }
        return Optional.empty();
    }

    private static long passingBytes(Profile profile, String tier) {
        boolean host = tier.equals("host");
        return profile.facts().blocks().stream()
                .filter(block -> host ? block.home().equals("nvme") : !block.home().equals(tier))
                .mapToLong(RunFacts.BlockFact::bytes)
                .sum();
    }
}
