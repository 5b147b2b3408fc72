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
import java.util.Optional;

/**
 * GaLore (arXiv 2403.03507, Algorithm 2), AdamW in the space of a matrix's r largest singular
 * vectors: every K turns P is made of the gradient at hand, its left vectors [m, r] of a matrix [m,
 * n] with {@code m < n} and else its right ones [n, r]; Adam takes {@code Pᵀ G} or {@code G P}, and
 * θ moves by what it makes of that, projected back and times α. As in the published code moments
 * stay as they are when P is another, ε is 1e-6 beside a root that is not yet corrected, and so it
 * is with vectors and with matrices whose shorter side is not above r, which take the plain step.
 * Different from it: decay is of θ before the step as in all rules here; vectors are found by
 * subspace iteration and not by a whole decomposition, each with its largest component above 0; and
 * a gradient of nothing renews no P, which waits for the next that is something.
 *
 * @param rank r
 * @param every turns of a tensor from one P to the next
 * @param scale α
 */
public record GaLore(int rank, int every, double scale) implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "galore";

    /** The option of r. */
    public static final Option<Integer> RANK =
            Option.named("galore-rank", OptionTypes.INTEGER)
                    .label("R")
                    .help("Singular vectors of its gradient that galore trains a matrix along.")
                    .usual(128)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** The option of K. */
    public static final Option<Integer> EVERY =
            Option.named("galore-every", OptionTypes.INTEGER)
                    .label("K")
                    .help("Steps of a tensor from one set of galore's vectors to the next.")
                    .usual(200)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** The option of α. */
    public static final Option<Double> SCALE =
            Option.named("galore-scale", OptionTypes.NUMBER)
                    .label("F")
                    .help("Factor on what galore moves matrices by.")
                    .usual(0.25)
                    .limit(Limit.finitePositive())
                    .decidesBytes()
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS = List.of(RANK, EVERY, SCALE);

    /** With the values that a run says. */
    public static GaLore of(Settings values) {
        return new GaLore(values.get(RANK), values.get(EVERY), values.get(SCALE));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        return List.of(
                new TensorState("p", DType.F32, this::basis),
                new TensorState("m", DType.F32, this::moments),
                new TensorState("v", DType.F32, this::moments));
    }

    private static long rows(List<Long> shape) {
        return shape.size() < 2 ? 1 : shape.getFirst();
    }

    private static long columns(List<Long> shape) {
        return TensorState.ELEMENTS.of(shape) / Math.max(1, rows(shape));
    }

    private static long shorter(List<Long> shape) {
        return Math.min(rows(shape), columns(shape));
    }

    private static long longer(List<Long> shape) {
        return Math.max(rows(shape), columns(shape));
    }

    boolean projects(List<Long> shape) {
        return shorter(shape) > rank;
    }

    private long basis(List<Long> shape) {
        return projects(shape) ? Math.multiplyExact(rank, shorter(shape)) : 0;
    }

    long moments(List<Long> shape) {
        return projects(shape)
                ? Math.multiplyExact(rank, longer(shape))
                : TensorState.ELEMENTS.of(shape);
    }

    /** Vectors of a gradient are those of all of it. */
    @Override
    public boolean wantsWhole() {
        return true;
    }

    @Override
    public boolean wantsRows() {
        return true;
    }

    /** Enough rows that what is read of the thin result serves many. */
    @Override
    public int rowsElements() {
        return 1 << 18;
    }

    @Override
    public long workFloats(List<Long> shape) {
        return projects(shape) ? TopVectors.floats(shorter(shape), longer(shape), rank) : 0;
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return new GaLoreStep(this, turn, projects(turn.shape()), Optional.empty());
    }
}
