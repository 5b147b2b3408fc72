package io.millrace.optim.estimate;

import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

/**
 * The gradient itself, by going backward through the model: one loss of the batch at the weights as
 * they are, along no direction. Whoever takes its steps asks for no rounds.
 *
 * @param masters whether weights have float32 masters beside them, which the rule changes
 * @param norm what the whole gradient is scaled down to where its norm is larger, which takes a
 *     second way there and back; infinity for none
 * @param blockNorm what the gradient of a block is scaled down to where its norm is larger;
 *     infinity for none
 */
public record GradientEstimator(boolean masters, double norm, double blockNorm)
        implements Estimator {
    /** The name on the command line and in the journal. */
    public static final String NAME = "gradient";

    /** Whether 16-bit weights have float32 masters. */
    public static final Option<Boolean> MASTERS =
            Option.named("master-weights", OptionTypes.FLAG)
                    .help(
                            "Keep float32 masters of 16-bit weights beside them, in the tiers;"
                                    + " first-order rules change those.")
                    .usualUnsaid(false)
                    .decidesBytes()
                    .saidUnlessUsual()
                    .build();

    /** The largest norm of the whole gradient. */
    public static final Option<Double> NORM =
            Option.named("clip-norm", OptionTypes.NUMBER)
                    .label("F")
                    .help(
                            "Scale the whole gradient down to this norm where it is larger: a step"
                                    + " then goes through the model twice, first for the norm.")
                    .usually("none")
                    .limit(Limit.finitePositive())
                    .decidesBytes()
                    .build();

    /** The largest norm of a block's gradient. */
    public static final Option<Double> BLOCK_NORM =
            Option.named("clip-block-norm", OptionTypes.NUMBER)
                    .label("F")
                    .help("Scale the gradient of a block down to this norm where it is larger.")
                    .usually("none")
                    .limit(Limit.finitePositive())
                    .decidesBytes()
                    .build();

    /** All of them. */
    static final List<Option<?>> OPTIONS = List.of(MASTERS, NORM, BLOCK_NORM);

    /** As a run wants it. */
    static GradientEstimator of(Settings values) {
        return new GradientEstimator(
                values.get(MASTERS),
                values.find(NORM).orElse(Double.POSITIVE_INFINITY),
                values.find(BLOCK_NORM).orElse(Double.POSITIVE_INFINITY));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Questions questions() {
        return Questions.each(1, 1);
    }

    /**
     * There are no questions.
     *
     * @throws IllegalStateException always
     */
    @Override
    public Round begin(StepContext step) {
        throw new IllegalStateException("step " + step.step() + " has a gradient, and no rounds");
    }
}
