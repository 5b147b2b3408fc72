package io.millrace.optim.gradient.rule;

import io.millrace.memory.DType;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

/**
 * AdamW (arXiv 1711.05101, Algorithm 2) as PyTorch has it: {@code m ← β₁ m + (1 − β₁) g}, {@code v
 * ← β₂ v + (1 − β₂) g²}, {@code θ ← θ − lr (m̂ / (√v̂ + ε) + wd θ)} with {@code m̂ = m / (1 −
 * β₁ᵗ)}, {@code v̂ = v / (1 − β₂ᵗ)} and t the tensor's own count of turns.
 *
 * @param beta1 share of m that a step keeps, in [0, 1)
 * @param beta2 share of v that a step keeps, in [0, 1)
 * @param eps what is added to the root, above 0
 */
public record AdamW(double beta1, double beta2, double eps) implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "adamw";

    /** The option of β₁. */
    public static final Option<Double> BETA1 =
            Option.named("adam-beta1", OptionTypes.NUMBER)
                    .label("F")
                    .help("Share of the first moment that a step of adamw or adamw-8bit keeps.")
                    .usual(0.9)
                    .limit(Limit.belowOne(0.9))
                    .decidesBytes()
                    .build();

    /** The option of β₂. */
    public static final Option<Double> BETA2 =
            Option.named("adam-beta2", OptionTypes.NUMBER)
                    .label("F")
                    .help("Share of the second moment that a step of adamw or adamw-8bit keeps.")
                    .usual(0.999)
                    .limit(Limit.belowOne(0.999))
                    .decidesBytes()
                    .build();

    /** The option of ε. */
    public static final Option<Double> EPS =
            Option.named("adam-eps", OptionTypes.NUMBER)
                    .label("F")
                    .help("What adamw or adamw-8bit adds to the root of the second moment.")
                    .usual(1e-8)
                    .limit(Limit.finitePositive())
                    .limit(Limit.positiveInFloat32())
                    .decidesBytes()
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS = List.of(BETA1, BETA2, EPS);

    /** With the values that a run says. */
    public static AdamW of(Settings values) {
        return new AdamW(values.get(BETA1), values.get(BETA2), values.get(EPS));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        return List.of(new TensorState("m", DType.F32), new TensorState("v", DType.F32));
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return new AdamStep(AdamMoments.of(this, turn), turn.decayShare());
    }
}
