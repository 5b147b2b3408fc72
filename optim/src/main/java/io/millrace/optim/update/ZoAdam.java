package io.millrace.optim.update;

import io.millrace.memory.DType;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.StepRecord;
import java.util.List;

/**
 * Adam of the estimate, element by element, with decoupled weight decay (arXiv 2402.11592): {@code
 * m ← β₁ m + (1 − β₁) ĝ}, {@code v ← β₂ v + (1 − β₂) ĝ²}, {@code θ ← θ − lr (m̂ / (√v̂ + ζ) + wd
 * θ)} with ĝ the mean of g z over the queries, {@code m̂ = m / (1 − β₁ᵗ)} and {@code v̂ = v / (1 −
 * β₂ᵗ)}. m and v are states of every element.
 */
public final class ZoAdam implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "zo-adam";

    /** The name of the refined rule. */
    public static final String REFINED = "r-adazo";

    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.999;
    private static final float ZETA = 1e-8f;

    private final String name;
    private final boolean refined;

    private ZoAdam(String name, boolean refined) {
        this.name = name;
        this.refined = refined;
    }

    /** The rule; one instance serves any number of runs. */
    public ZoAdam() {
        this(NAME, false);
    }

    /** R-AdaZO: the second moment is that of m, which varies less, and no more of ĝ. */
    public static ZoAdam refined() {
        return new ZoAdam(REFINED, true);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean suits(Direction direction) {
        return direction instanceof DenseDirection;
    }

    @Override
    public List<ElementState> states() {
        return List.of(new ElementState("m", DType.F32), new ElementState("v", DType.F32));
    }

    @Override
    public Update next(StepRecord record) {
        int first = ElementProgram.state(0);
        int second = ElementProgram.state(1);
        int gradient = ElementProgram.scratch(0);
        int root = ElementProgram.scratch(1);
        int spare = ElementProgram.scratch(2);
        int squared = refined ? first : gradient;
        double weight1 = 1 - StrictMath.pow(BETA1, (double) record.step());
        double weight2 = 1 - StrictMath.pow(BETA2, (double) record.step());
        return Update.of(
                record.step(),
                record.seed(),
                ElementProgram.builder()
                        .terms(gradient, spare, Slopes.of(record))
                        .scale(first, (float) BETA1, first)
                        .fma(first, (float) (1 - BETA1), gradient, first)
                        .multiply(gradient, squared, squared)
                        .scale(second, (float) BETA2, second)
                        .fma(second, (float) (1 - BETA2), gradient, second)
                        .scale(root, (float) (1 / weight2), second)
                        .root(root, root)
                        .fill(spare, ZETA)
                        .plus(root, root, spare)
                        .divide(root, first, root)
                        .move(spare, (float) (-record.lr() / weight1), root, Slopes.decay(record))
                        .build());
    }
}
