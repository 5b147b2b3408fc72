package io.millrace.optim.update;

import io.millrace.memory.DType;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.estimate.TwoSidedEstimator;
import io.millrace.optim.option.Glob;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.optim.random.GaussianScalar;
import io.millrace.optim.random.StreamIds;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * DiZO (arXiv 2502.03304): steps of MeZO, and every so many of them a phase in which chosen tensors
 * move along the way that they have come, {@code θ_i ← θ0_i + r_i (θ_i − θ0_i)}. The numbers r_i, 1
 * where a phase begins, are themselves searched by losses at both sides: a phase is so many steps
 * of the run along {@code ζ_i D_i}, ζ one normal number a tensor within ± τ / ε, D what the tensor
 * has moved since the run began, and each takes {@code r_i ← clip(r_i (1 − rate · g ζ_i), 1 ± τ)}.
 *
 * <p>So θ is always at the centre of what is asked, and neither the base nor a norm is read. The
 * published code perturbs the distance {@code r_i ‖D_i‖} where this takes a share of it.
 */
public final class Dizo implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "dizo";

    /** The option of what is projected. */
    public static final Option<String> PROJECTED =
            Option.named("project", OptionTypes.TEXT)
                    .label("PATTERNS")
                    .help(
                            "Trained tensors whose distance from the base dizo searches: patterns of"
                                    + " names with commas between them.")
                    .usual("*k_proj*,*v_proj*")
                    .limit(Glob.WELL_FORMED)
                    .decidesBytes()
                    .build();

    /** The option of the steps before a phase. */
    public static final Option<Integer> EVERY =
            count("project-every", "Steps of dizo that go along z before some that project.", 50);

    /** The option of the steps of a phase. */
    public static final Option<Integer> STEPS =
            count("project-steps", "Steps of dizo that project, one after another.", 10);

    /** The option of ε in a phase. */
    public static final Option<Double> EPS =
            positive(
                    "project-eps",
                    "Scale of the perturbation where dizo projects: a share of the distance.",
                    0.1);

    /** The option of the rate in a phase. */
    public static final Option<Double> RATE =
            positive("project-lr", "Learning rate of the distances that dizo projects to.", 2);

    /** The option of τ. */
    public static final Option<Double> BOUND =
            Option.named("project-bound", OptionTypes.NUMBER)
                    .label("F")
                    .help("Share by which dizo's projections change a distance at most.")
                    .usual(0.2)
                    .limit(
                            new Limit<>(
                                    share -> share > 0 && share < 1,
                                    share -> share + " is not above 0 and below 1",
                                    "give a number such as 0.2"))
                    .decidesBytes()
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS =
            List.of(PROJECTED, EVERY, STEPS, EPS, RATE, BOUND);

    private static final int MOVED = ElementProgram.state(0);
    private static final int CHANGE = ElementProgram.scratch(0);

    private final Settings values;
    private final List<StepRecord> phase = new ArrayList<>(); // steps of it that are done

    /**
     * The rule before its first step.
     *
     * @param values one of each of its options
     */
    public Dizo(Settings values) {
        this.values = values;
    }

    private static Option<Integer> count(String name, String help, int usual) {
        return Option.named(name, OptionTypes.INTEGER)
                .label("N")
                .help(help)
                .usual(usual)
                .limit(Limit.atLeast(1))
                .decidesBytes()
                .build();
    }

    private static Option<Double> positive(String name, String help, double usual) {
        return Option.named(name, OptionTypes.NUMBER)
                .label("F")
                .help(help)
                .usual(usual)
                .limit(Limit.finitePositive())
                .limit(Limit.positiveInFloat32())
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
    public Optional<String> needs(Estimator estimator) {
        return estimator instanceof TwoSidedEstimator
                ? Optional.empty()
                : Optional.of("--estimator " + TwoSidedEstimator.NAME);
    }

    @Override
    public List<ElementState> states() {
        return List.of(new ElementState("d", DType.F32));
    }

    @Override
    public Optional<StatedTensors> stated() {
        return Optional.of(new StatedTensors(PROJECTED, values.get(PROJECTED)));
    }

    @Override
    public double eps(long step, double usual) {
        return projects(step) ? values.get(EPS) : usual;
    }

    @Override
    public Optional<Shape> shape() {
        return Optional.of(new Along());
    }

    /** What queries of a phase go along. */
    private final class Along implements Shape {
        @Override
        public Optional<ElementProgram> of(long step, long seed) {
            return projects(step)
                    ? Optional.of(
                            ElementProgram.builder().times(Shape.RESULT, zeta(seed), MOVED).build())
                    : Optional.empty();
        }
    }

    private boolean projects(long step) {
        int every = values.get(EVERY);
        return (step - 1) % (every + values.get(STEPS)) >= every;
    }

    @Override
    public Update next(StepRecord record) {
        if (!projects(record.step())) {
            phase.clear();
            return Update.of(record.step(), record.seed(), moving(record));
        }
        phase.add(record);
        Change change = new Change(values.get(RATE), values.get(BOUND), most(), phase);
        ElementProgram.Builder program = ElementProgram.builder().times(CHANGE, change, MOVED);
        return Update.of(record.step(), record.seed(), move(program));
    }

    /** A step of mezo-sgd, summed before the parameter has it. */
    private static ElementProgram moving(StepRecord record) {
        int z = ElementProgram.scratch(1);
        Update plain = MezoSgd.descend(record, record.lr());
        ElementProgram.Builder program = ElementProgram.builder();
        if (plain.decay().adds()) {
            program.share(CHANGE, plain.decay().added(), ElementProgram.PARAMETER);
        } else {
            program.fill(CHANGE, 0);
        }
        for (Update.Term term : plain.terms()) {
            program.z(z, term.seed()).fma(CHANGE, term.coefficient(), z, CHANGE);
        }
        return move(program);
    }

    private static ElementProgram move(ElementProgram.Builder program) {
        return program.plus(ElementProgram.PARAMETER, ElementProgram.PARAMETER, CHANGE)
                .plus(MOVED, MOVED, CHANGE)
                .build();
    }

    /** The largest magnitude of ζ. */
    private double most() {
        return values.get(BOUND) / values.get(EPS);
    }

    private Zeta zeta(long seed) {
        return new Zeta(seed, most());
    }

    /**
     * ζ of a query.
     *
     * @param seed the query's
     * @param most its largest magnitude
     */
    private record Zeta(long seed, double most) implements TensorFactor {
        @Override
        public float of(int tensorId) {
            return (float) exactly(tensorId);
        }

        double exactly(int tensorId) {
            double normal = GaussianScalar.value(StreamIds.DISTANCE_Z, seed, tensorId, 0);
            return Math.max(-most, Math.min(most, normal));
        }
    }

    /**
     * By which share of what a tensor has moved the last of a phase's steps changes it.
     *
     * @param rate of the distances
     * @param bound τ
     * @param most the largest magnitude of ζ
     * @param steps of the phase, the last one included
     */
    private record Change(double rate, double bound, double most, List<StepRecord> steps)
            implements TensorFactor {
        Change {
            steps = List.copyOf(steps);
        }

        @Override
        public float of(int tensorId) {
            double distance = 1;
            double before = 1;
            for (StepRecord step : steps) {
                double slope = 0;
                for (QueryResult query : step.queries()) {
                    double zeta = new Zeta(query.seed(), most).exactly(tensorId);
                    slope += query.projectedGrad() / step.divisor() * zeta;
                }
                before = distance;
                double moved = before * (1 - rate * slope);
                distance = Math.max(1 - bound, Math.min(1 + bound, moved));
            }
            return (float) (distance / before - 1);
        }
    }
}
