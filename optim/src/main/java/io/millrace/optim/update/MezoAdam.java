package io.millrace.optim.update;

import io.millrace.optim.estimate.StepRecord;

/**
 * MeZO with one scalar second moment: {@code v ← β v + (1 − β) ḡ²}, ḡ the mean slope over the
 * queries, and a learning rate of {@code lr / (√v̂ + ζ)} with {@code v̂ = v / (1 − βᵗ)}. Weight
 * decay is decoupled: it keeps the plain learning rate. The state is one number, rebuilt from the
 * records.
 */
public final class MezoAdam implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "mezo-adam";

    private static final double BETA = 0.99;
    private static final double ZETA = 1e-8;

    private double moment;
    private double weight; // 1 - β^t

    /** The rule before its first step; one instance serves one run. */
    public MezoAdam() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Update next(StepRecord record) {
        double mean = record.meanSlope();
        moment = BETA * moment + (1 - BETA) * mean * mean;
        weight = BETA * weight + (1 - BETA);
        return MezoSgd.descend(record, record.lr() / (Math.sqrt(moment / weight) + ZETA));
    }
}
