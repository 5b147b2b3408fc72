package io.millrace.optim.update;

import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.Optional;

/**
 * A rule of sums of directions that takes every slope for one within bounds (clipping of the
 * directional derivative, as QZO has it, arXiv 2505.13430). The journal keeps what was found.
 */
public final class Clip implements UpdateRule {
    /** The option of the bound. */
    public static final Option<Double> BOUND =
            Option.named("clip", OptionTypes.NUMBER)
                    .label("C")
                    .help(
                            "Cut every slope to [-C, C] before mezo-sgd, mezo-adam, lozo-m or qzo uses it.")
                    .usually("none")
                    .limit(Limit.finitePositive())
                    .decidesBytes()
                    .build();

    private final UpdateRule rule;
    private final double bound;

    private Clip(UpdateRule rule, double bound) {
        this.rule = rule;
        this.bound = bound;
    }

    /** A rule as the settings want it. */
    public static UpdateRule of(UpdateRule rule, Settings values) {
        return values.find(BOUND).<UpdateRule>map(bound -> new Clip(rule, bound)).orElse(rule);
    }

    @Override
    public String name() {
        return rule.name();
    }

    @Override
    public boolean suits(Direction direction) {
        return rule.suits(direction);
    }

    @Override
    public Optional<String> needs(Estimator estimator) {
        return rule.needs(estimator);
    }

    @Override
    public boolean isElementwise() {
        return rule.isElementwise();
    }

    @Override
    public boolean hasMomentum() {
        return rule.hasMomentum();
    }

    @Override
    public Update next(StepRecord record) {
        return rule.next(Slopes.map(record, slope -> Math.max(-bound, Math.min(bound, slope))));
    }
}
