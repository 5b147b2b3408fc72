package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A profile in words.
 *
 * @param headline the one sentence to take away
 * @param details what stands behind it, a sentence each
 */
public record Findings(String headline, List<String> details) {
    /** Below this share of a step, waiting is not worth a headline. */
    private static final double NOTABLE = 0.02;

    /** Below this share of a step, it is as good as nothing. */
    private static final double HARDLY = 0.001;

    /** Freezes the details. */
    public Findings {
        details = List.copyOf(details);
    }

    /** Sums a profile up. */
    public static Findings of(Profile profile, BudgetAdvisor advisor) {
        Waits waits = meanWaits(profile);
        double seconds = profile.mean(step -> step.metrics().overlap().seconds());
        List<String> details = new ArrayList<>();
        String headline = headline(profile, waits, seconds, advisor);
        details.add(bound(profile));
        if (waits.totalSeconds() > HARDLY * seconds) {
            worstBlock(profile, waits).ifPresent(details::add);
        }
        if (waits.otherSeconds() > NOTABLE * seconds && !headline.contains("between")) {
            details.add(
                    "Another "
                            + Units.percent(waits.otherSeconds() / seconds)
                            + " goes to work between computations: the journal, the loss, threads"
                            + " that wake up.");
        }
        if (profile.steps().stream().anyMatch(step -> step.metrics().droppedSpans() > 0)) {
            details.add("Some spans found no room and were dropped: these figures are too low.");
        }
        return new Findings(headline, details);
    }

    /** The waits of a step, in the mean. */
    static Waits meanWaits(Profile profile) {
        Map<Lane, Double> lanes = new EnumMap<>(Lane.class);
        for (Lane lane : Lane.values()) {
            lanes.put(lane, profile.mean(step -> step.waits().lanes().getOrDefault(lane, 0.0)));
        }
        return new Waits(lanes, profile.mean(step -> step.waits().otherSeconds()));
    }

    private static String headline(
            Profile profile, Waits waits, double seconds, BudgetAdvisor advisor) {
        if (waits.totalSeconds() < NOTABLE * seconds) {
            return "This run computes "
                    + Units.percent(1 - waits.totalSeconds() / seconds)
                    + " of the time; "
                    + moving(profile, waits, seconds);
        }
        Lane lane = waits.longest();
        double waited = waits.lanes().get(lane);
        if (waited < waits.otherSeconds()) {
            return "No lane holds this run up: "
                    + Units.percent(waits.otherSeconds() / seconds)
                    + " of the time goes to work between computations. Larger batches make it"
                    + " small.";
        }
        String wait =
                "This run waits for "
                        + lane.label()
                        + " "
                        + Units.percent(waited / seconds)
                        + " of the time; ";
        return wait
                + advisor.advise(profile).map(Findings::mend).orElseGet(() -> early(profile, lane));
    }

    private static String mend(BudgetAdvisor.Advice advice) {
        return "a "
                + advice.tier()
                + " budget of "
                + Units.bytes((double) advice.bytes())
                + (advice.holdsAll() ? " would hold every block." : " would hide it.");
    }

    private static String early(Profile profile, Lane lane) {
        String tier = BytesPerLane.tier(lane);
        return profile.facts().prefetch() == 0
                ? "nothing is requested ahead: leave out --no-overlap, or give larger budgets."
                : "the lane is fast enough but starts too late: a larger --prefetch or "
                        + tier
                        + " budget lets it run ahead.";
    }

    private static String bound(Profile profile) {
        Lane bound = profile.boundLane();
        double efficiency = profile.median(step -> step.metrics().overlap().pipelineEfficiency());
        return "The busiest lane is "
                + bound.label()
                + ", at work "
                + Units.percent(efficiency)
                + " of a step"
                + (efficiency >= 0.95
                        ? ": only a faster one would make the step shorter."
                        : ": up to "
                                + Units.percent(1 - efficiency)
                                + " of the step could be hidden by better overlap.");
    }

    private static String moving(Profile profile, Waits waits, double seconds) {
        if (!moves(profile)) {
            return "nothing has to move.";
        }
        double cost = (waits.totalSeconds() - waits.otherSeconds()) / seconds;
        return cost < HARDLY
                ? "moving its blocks costs it nothing."
                : "moving its blocks costs it " + Units.percent(cost) + ".";
    }

    /** Names the block before which most of the waiting lies, if there is one. */
    private static Optional<String> worstBlock(Profile profile, Waits waits) {
        double[] ofBlocks = profile.blockWaitSeconds();
        int worst = 0;
        for (int block = 1; block < ofBlocks.length; block++) {
            worst = ofBlocks[block] > ofBlocks[worst] ? block : worst;
        }
        double share = ofBlocks[worst] / waits.totalSeconds();
        return ofBlocks.length > 2 && share > 0.5
                ? Optional.of(
                        Units.percent(share)
                                + " of the waiting is before one block: "
                                + profile.facts().blocks().get(worst).name()
                                + ", "
                                + Units.seconds(ofBlocks[worst])
                                + " a step.")
                : Optional.empty();
    }

    private static boolean moves(Profile profile) {
        for (Lane lane : Lane.values()) {
            if (lane != Lane.COMPUTE && profile.meanUse(lane).bytes() > 0) {
                return true;
            }
        }
        return false;
    }
}
