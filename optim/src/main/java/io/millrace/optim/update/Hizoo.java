package io.millrace.optim.update;

import io.millrace.memory.DType;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.estimate.ThreePointEstimator;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.List;
import java.util.Optional;

/**
 * HiZOO (arXiv 2402.15173, Algorithm 1): directions are divided by the root of an estimate H of the
 * Hessian's diagonal, {@code H ← (1 − α) H + α |L+ + L− − 2 L0| z² H / (2 ε²)}, and a step moves
 * along {@code g z / √H}. The state of every element is h = H − 1.
 */
public final class Hizoo implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "hizoo";

    /** The option of α; that of its authors' code as usual. */
    public static final Option<Double> SMOOTH =
            Option.named("hessian-smooth", OptionTypes.NUMBER)
                    .label("F")
                    .help("Share of hizoo's Hessian that a step renews; 0 never does.")
                    .usual(1e-8)
                    .limit(
                            new Limit<>(
                                    share -> share >= 0 && share < 1,
                                    share -> share + " is not at least 0 and below 1",
                                    "give a number such as 1e-8"))
                    .decidesBytes()
                    .build();

    private static final int H = ElementProgram.state(0);
    private static final int Z = Shape.RESULT;
    private static final int SUM = ElementProgram.scratch(1); // H = 1 + h, and what is made of it
    private static final int SQUARE = ElementProgram.scratch(2);
    private static final int ONE = ElementProgram.scratch(3);

    private final double smooth;

    /**
     * The rule; one instance serves any number of runs.
     *
     * @param smooth α, in [0, 1)
     */
    public Hizoo(double smooth) {
        this.smooth = smooth;
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
    public Optional<String> needs(Estimator estimator) {
        boolean suited =
                estimator.name().equals(ThreePointEstimator.NAME)
                        && estimator.questions().directions() == 1;
        return suited
                ? Optional.empty()
                : Optional.of("--estimator " + ThreePointEstimator.NAME + " --queries 1");
    }

    @Override
    public List<ElementState> states() {
        return List.of(new ElementState("h", DType.F32));
    }

    @Override
    public Optional<Shape> shape() {
        return Optional.of((_, seed) ->
                Optional.of(
                        ElementProgram.builder()
                                .z(Z, seed)
                                .fill(ONE, 1)
                                .plus(SUM, H, ONE)
                                .root(SUM, SUM)
                                .divide(Z, Z, SUM)
                                .build()));
    }

    @Override
    public Optional<String> warning() {
        return smooth == 0
                ? Optional.of(
                        SMOOTH.spelled() + " 0 never renews the Hessian: the steps are MeZO's")
                : Optional.empty();
    }

    @Override
    public Update next(StepRecord record) {
        QueryResult query = record.queries().getFirst();
        double bend = query.losses().get(0) + query.losses().get(1) - 2 * query.losses().get(2);
        double renewed = smooth * Math.abs(bend) / (2 * record.eps() * record.eps());
        return Update.of(
                record.step(),
                record.seed(),
                ElementProgram.builder()
                        .z(Z, query.seed())
                        .fill(ONE, 1)
                        .plus(SUM, H, ONE)
                        .multiply(SQUARE, Z, Z)
                        .multiply(SQUARE, SQUARE, SUM)
                        .scale(SUM, (float) (1 - smooth), SUM)
                        .fma(SUM, (float) renewed, SQUARE, SUM)
                        .fill(ONE, -1)
                        .plus(H, SUM, ONE)
                        .root(SUM, SUM)
                        .divide(Z, Z, SUM)
                        .moveBySum(
                                SQUARE,
                                (float) (-record.lr() * query.projectedGrad()),
                                Z,
                                Slopes.decay(record))
                        .build());
    }
}
