package io.millrace.optim.gradient.rule;

import io.millrace.memory.DType;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Lion (arXiv 2302.06675, Algorithm 2): {@code θ ← θ − lr (sign(β₁ m + (1 − β₁) g) + wd θ)}, then
 * {@code m ← β₂ m + (1 − β₂) g}; the sign of 0 is 0.
 *
 * @param beta1 weight of m in the step, in [0, 1)
 * @param beta2 share of m that a step keeps, in [0, 1)
 */
public record Lion(double beta1, double beta2) implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "lion";

    /** The option of β₁. */
    public static final Option<Double> BETA1 =
            Option.named("lion-beta1", OptionTypes.NUMBER)
                    .label("F")
                    .help("Weight of the momentum beside the gradient where lion takes the sign.")
                    .usual(0.9)
                    .limit(Limit.belowOne(0.9))
                    .decidesBytes()
                    .build();

    /** The option of β₂. */
    public static final Option<Double> BETA2 =
            Option.named("lion-beta2", OptionTypes.NUMBER)
                    .label("F")
                    .help("Share of the momentum that a step of lion keeps.")
                    .usual(0.99)
                    .limit(Limit.belowOne(0.99))
                    .decidesBytes()
                    .build();

    // C2 makes no vectors of signum by itself.
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** Both of them. */
    public static final List<Option<?>> OPTIONS = List.of(BETA1, BETA2);

    /** With the values that a run says. */
    public static Lion of(Settings values) {
        return new Lion(values.get(BETA1), values.get(BETA2));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        return List.of(new TensorState("m", DType.F32));
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return new Signed(
                (float) beta1,
                (float) (1 - beta1),
                (float) beta2,
                (float) (1 - beta2),
                (float) turn.lr(),
                turn.decayShare());
    }

    private record Signed(float weight, float rest, float keep, float add, float rate, float share)
            implements TensorStep {
        @Override
        public void tile(int pass, Tile tile, double[] sums) {
            move(tile.parameters(), tile.gradient(), tile.states()[0], tile.count());
        }

        private void move(float[] parameters, float[] gradient, float[] moment, int count) {
            float old = weight;
            float fresh = rest;
            float stays = keep;
            float comes = add;
            float lr = rate;
            float decay = share;
            int whole = SPECIES.loopBound(count);
            for (int i = 0; i < whole; i += SPECIES.length()) {
                FloatVector g = FloatVector.fromArray(SPECIES, gradient, i);
                FloatVector m = FloatVector.fromArray(SPECIES, moment, i);
                FloatVector p = FloatVector.fromArray(SPECIES, parameters, i);
                FloatVector along = m.mul(old).add(g.mul(fresh));
                FloatVector sign =
                        FloatVector.zero(SPECIES)
                                .blend(1f, along.compare(VectorOperators.GT, 0f))
                                .blend(-1f, along.compare(VectorOperators.LT, 0f));
                m.mul(stays).add(g.mul(comes)).intoArray(moment, i);
                p.add(p.mul(decay).sub(sign.mul(lr))).intoArray(parameters, i);
            }
            for (int i = whole; i < count; i++) {
                float g = gradient[i];
                float m = moment[i];
                float p = parameters[i];
                moment[i] = m * stays + g * comes;
                parameters[i] = p + (p * decay - Math.signum(m * old + g * fresh) * lr);
            }
        }
    }
}
