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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Natural GaLore (arXiv 2410.16029): {@link GaLore}, but Adam takes the projected gradient times
 * the inverse of {@code λ I + Σ g gᵀ}, an estimate of Fisher's information from the last s
 * projected gradients of the matrix, that of the step included. As in the published code these stay
 * as they are when the singular vectors are others. Different from that code, and as the paper has
 * it, gradients are projected on one side, and not on both.
 *
 * @param projection how gradients are projected, and moved by
 * @param history s
 * @param damping λ
 */
public record NaturalGaLore(GaLore projection, int history, double damping)
        implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "natural-galore";

    /** The option of s. */
    public static final Option<Integer> HISTORY =
            Option.named("natural-history", OptionTypes.INTEGER)
                    .label("S")
                    .help("Projected gradients that natural-galore knows a matrix's curvature by.")
                    .usual(20)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** The option of λ. */
    public static final Option<Double> DAMPING =
            Option.named("natural-damping", OptionTypes.NUMBER)
                    .label("F")
                    .help("What natural-galore adds to a curvature.")
                    .usual(1e-3)
                    .limit(Limit.finitePositive())
                    .decidesBytes()
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS =
            Stream.concat(GaLore.OPTIONS.stream(), Stream.of(HISTORY, DAMPING)).toList();

    private static final int GRADIENTS = GaLoreStep.SECOND + 1;

    /** With the values that a run says. */
    public static NaturalGaLore of(Settings values) {
        return new NaturalGaLore(GaLore.of(values), values.get(HISTORY), values.get(DAMPING));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        List<TensorState> kept = new ArrayList<>(projection.kept());
        kept.add(new TensorState("g", DType.F32, this::gradients));
        return List.copyOf(kept);
    }

    private long gradients(List<Long> shape) {
        return projection.projects(shape)
                ? Math.multiplyExact(history, projection.moments(shape))
                : 0;
    }

    @Override
    public boolean wantsWhole() {
        return projection.wantsWhole();
    }

    @Override
    public boolean wantsRows() {
        return projection.wantsRows();
    }

    @Override
    public int rowsElements() {
        return projection.rowsElements();
    }

    @Override
    public long workFloats(List<Long> shape) {
        return projection.workFloats(shape);
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return new GaLoreStep(
                projection,
                turn,
                projection.projects(turn.shape()),
                Optional.of(new NaturalGradient(GRADIENTS, history, damping)));
    }
}
