package io.millrace.optim.update;

import io.millrace.memory.DType;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

/**
 * HELENE (arXiv 2411.10696, Algorithm 1): momentum to which the estimate ĝ of the gradient is added
 * with a weight that anneals, {@code m ← β₁ m + α_t ĝ}, over a diagonal Hessian {@code h ← β₂ h +
 * (1 − β₂) B ĝ²} that is renewed every k steps and kept above a floor: {@code θ ← θ − lr (m / (γ
 * max(h, λ) + 1e-8) + wd θ)}, {@code α_t = β₁ + (1 − β₁) exp(−t / T)}. The floor is one number, or
 * layer-wise, {@code λ_i = R / (2 √d_i)} in a tensor of {@code d_i} elements.
 */
public final class Helene implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "helene";

    /** The option of β₂. */
    public static final Option<Double> BETA2 =
            share("beta2", "Share of helene's Hessian that a renewal keeps.", 0.99);

    /** The option of γ. */
    public static final Option<Double> SCALE =
            positive("hessian-scale", "Factor on helene's Hessian.", 1);

    /** The option of λ where it is one for all. */
    public static final Option<Double> FLOOR =
            positive("hessian-floor", "What helene's Hessian is at least, in every element.", 1);

    /** The option of R, with which λ is each tensor's own. */
    public static final Option<Double> RADIUS =
            Option.named("hessian-radius", OptionTypes.NUMBER)
                    .label("R")
                    .help(
                            "Give helene's Hessian a floor of each tensor's own, R / (2 sqrt(d)) in"
                                    + " one of d elements, in the place of --hessian-floor.")
                    .usually("none")
                    .limit(Limit.finitePositive())
                    .decidesBytes()
                    .build();

    /** The option of k. */
    public static final Option<Integer> EVERY =
            Option.named("hessian-every", OptionTypes.INTEGER)
                    .label("K")
                    .help("Steps from one renewal of helene's Hessian to the next.")
                    .usual(10)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** The option of B. */
    public static final Option<Integer> BATCH =
            Option.named("hessian-batch", OptionTypes.INTEGER)
                    .label("B")
                    .help("Factor on the squares that helene's Hessian is made of.")
                    .usualUnsaid(16)
                    .usually("--batch-size")
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** The option of T. */
    public static final Option<Long> ANNEAL =
            Option.named("anneal-steps", OptionTypes.COUNT)
                    .label("N")
                    .help("Steps over which the weight of helene's newest slope falls by e.")
                    .usually("--steps")
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS =
            List.of(LozoMomentum.BETA, BETA2, SCALE, FLOOR, RADIUS, EVERY, BATCH, ANNEAL);

    private static final long USUAL_STEPS = 1000;
    private static final float ZETA = 1e-8f;

    private final Settings values;

    /**
     * The rule; one instance serves any number of runs.
     *
     * @param values one of each of its options; steps to anneal over may be missing
     */
    public Helene(Settings values) {
        this.values = values;
    }

    private static Option<Double> share(String name, String help, double usual) {
        return Option.named(name, OptionTypes.NUMBER)
                .label("F")
                .help(help)
                .usual(usual)
                .limit(Limit.belowOne(usual))
                .decidesBytes()
                .build();
    }

    private static Option<Double> positive(String name, String help, double usual) {
        return Option.named(name, OptionTypes.NUMBER)
                .label("F")
                .help(help)
                .usual(usual)
                .limit(Limit.finitePositive())
                .decidesBytes()
                .build();
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
    public List<ElementState> states() {
        return List.of(new ElementState("m", DType.F32), new ElementState("h", DType.F32));
    }

    @Override
    public Update next(StepRecord record) {
        int moment = ElementProgram.state(0);
        int bend = ElementProgram.state(1);
        int x = ElementProgram.scratch(0);
        int spare = ElementProgram.scratch(1);
        double beta = values.get(LozoMomentum.BETA);
        double beta2 = values.get(BETA2);
        double steps = values.find(ANNEAL).orElse(USUAL_STEPS);
        double newest = beta + (1 - beta) * StrictMath.exp(-record.step() / steps);
        ElementProgram.Builder program =
                ElementProgram.builder()
                        .terms(x, spare, Slopes.of(record))
                        .scale(moment, (float) beta, moment)
                        .fma(moment, (float) newest, x, moment);
        if ((record.step() - 1) % values.get(EVERY) == 0) {
            program.multiply(x, x, x)
                    .scale(bend, (float) beta2, bend)
                    .fma(bend, (float) ((1 - beta2) * values.get(BATCH)), x, bend);
        }
        double scale = values.get(SCALE);
        values.find(RADIUS)
                .map(radius -> program.reach(spare, (float) (radius / 2)))
                .orElseGet(() -> program.fill(spare, values.get(FLOOR).floatValue()))
                .max(x, bend, spare)
                .scale(x, (float) scale, x)
                .fill(spare, ZETA)
                .plus(x, x, spare)
                .divide(x, moment, x)
                .moveBySum(spare, (float) -record.lr(), x, Slopes.decay(record));
        return Update.of(record.step(), record.seed(), program.build());
    }
}
