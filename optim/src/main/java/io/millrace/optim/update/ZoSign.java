package io.millrace.optim.update;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;

/**
 * Steps of one size for every element: {@code θ ← θ − lr (sign(Σ g z / n) + wd θ)} (ZO-signSGD as
 * arXiv 2402.11592 has it), or, as its published code has it, of one size for every slope: {@code θ
 * ← θ − lr (Σ sign(g) z / n + wd θ)}. It has no state.
 */
public final class ZoSign implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "zo-sign";

    /** Of what the sign is taken. */
    public enum Sign {
        /** Of each element of the estimate. */
        ELEMENT,
        /** Of each slope. */
        SCALAR
    }

    /** The option that says of what the sign is taken. */
    public static final Option<Sign> SIGN =
            Option.named("sign", OptionTypes.oneOf(Sign.values()))
                    .label("NAME")
                    .help(
                            "Of what zo-sign takes the sign: element of the estimate, or scalar slope.")
                    .usual(Sign.ELEMENT)
                    .decidesBytes()
                    .saidUnlessUsual()
                    .build();

    private final Sign sign;

    /** The rule of the paper; one instance serves any number of runs. */
    public ZoSign() {
        this(Sign.ELEMENT);
    }

    /** A rule that takes the sign of one of both. */
    public ZoSign(Sign sign) {
        this.sign = sign;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean suits(Direction direction) {
        return direction instanceof DenseDirection;
    }

    @Override
    public boolean isElementwise() {
        return true;
    }

    @Override
    public Update next(StepRecord record) {
        int gradient = ElementProgram.scratch(0);
        int spare = ElementProgram.scratch(1);
        ElementProgram.Builder program = ElementProgram.builder();
        if (sign == Sign.SCALAR) {
            program.terms(gradient, spare, Slopes.of(Slopes.map(record, Math::signum)));
        } else {
            program.terms(gradient, spare, Slopes.of(record)).sign(gradient, gradient);
        }
        return Update.of(
                record.step(),
                record.seed(),
                program.move(spare, (float) -record.lr(), gradient, Slopes.decay(record)).build());
    }
}
