package io.millrace.executor.plan;

import io.millrace.executor.place.TierPlan;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.optim.direction.Direction;
import io.millrace.telemetry.Lane;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What to change first: other ways to run the same, by what each would gain. */
final class PlanAdvice {
    private static final double WORTH = 1.05; // of the speed: less is not worth a change

    private static final int SELDOM = 4;

    private final PlanCandidates candidates;
    private final PlanCandidates.Candidate now;
    private final List<Gain> found = new ArrayList<>();

    PlanAdvice(PlanCandidates candidates, PlanCandidates.Candidate now) {
        this.candidates = candidates;
        this.now = now;
    }

    private record Gain(double factor, String line) {}

    /** The best first. */
    List<String> lines() {
        PlanOptions options = now.options();
        long everything = smallestWithoutDrive();
        if (everything > candidates.hostBudget(options.memory())) {
            consider(
                    options.withMemory(options.memory().withHostBudget(everything)),
                    "a host budget of "
                            + ByteSize.formatAtLeast(everything)
                            + " keeps every block in memory");
        }
        int batch = 2 * options.batchSize();
        consider(
                options.withBatch(batch),
                "--batch-size " + batch + " takes twice the tokens through each visit");
        int seldom = seldom(options.arithmetic().direction());
        if (options.arithmetic().foldEvery() < seldom
                && options.arithmetic().foldsAtWill()
                && now.forecast().bytes().get(Lane.NVME_WRITE) > 0) {
            consider(
                    options.withFoldEvery(seldom),
                    "--fold-every " + seldom + " writes blocks back once in so many steps");
        }
        if (options.microBatch().orElseThrow() < options.batchSize()) {
            int micro = Math.min(options.batchSize(), 2 * options.microBatch().orElseThrow());
            consider(
                    options.withMicroBatch(micro),
                    "--micro-batch " + micro + " forms weights half as often");
        }
        for (int prefetch : new int[] {1, 4}) {
            consider(
                    options.withMemory(options.memory().withPrefetch(prefetch)),
                    "--prefetch " + prefetch);
        }
        return found.stream()
                .sorted(Comparator.comparingDouble((Gain one) -> -one.factor))
                .map(Gain::line)
                .toList();
    }

    /** How seldom blocks may as well be written: low-rank updates gather for a window. */
    private static int seldom(Direction direction) {
        return direction.window() > 0 ? direction.window() : SELDOM;
    }

    private void consider(PlanOptions other, String what) {
        Optional<PlanCandidates.Candidate> next = candidates.tryCandidate(other);
        double gain = next.map(one -> one.tokensPerSecond() / now.tokensPerSecond()).orElse(0.0);
        if (gain >= WORTH) {
            found.add(
                    new Gain(
                            gain,
                            String.format(
                                    Locale.ROOT,
                                    "%s: %.2f times the tokens a second, a step of %s",
                                    what,
                                    gain,
                                    Durations.format(next.get().forecast().stepSeconds()))));
        }
    }

    /** The host budget from which on nothing goes to the drive. */
    private long smallestWithoutDrive() {
        TierPlan.Needs needs = now.tiers().needs();
        List<Tier> homes = now.tiers().placement().homes();
        long bytes = needs.scratchOnHost() + now.tiers().placement().stagingBytes();
        for (int block = 0; block < homes.size(); block++) {
            bytes +=
                    homes.get(block) == Tier.DEVICE
                            ? 0
                            : HostMemory.pageBytes(needs.blockBytes().get(block));
        }
        return bytes;
    }
}
