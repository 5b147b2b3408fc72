package io.millrace.optim.estimate;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Optional;

/** The estimators by name. A new one is a line here. */
public final class Estimators {
    /** Directions a step. */
    public static final Option<Integer> QUERIES =
            Option.named("queries", OptionTypes.INTEGER)
                    .label("Q")
                    .help("Directions a step.")
                    .usual(1)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** Growth of the number of directions from epoch to epoch. */
    public static final Option<Double> QUERIES_GROWTH =
            Option.named("queries-growth", OptionTypes.NUMBER)
                    .label("F")
                    .help(
                            "Let the directions of a step grow with every pass over the data, by"
                                    + " the factor e^F (AdaZeta).")
                    .usual(0.0)
                    .limit(Limit.finiteAtLeastZero())
                    .decidesBytes()
                    .saidUnlessUsual()
                    .build();

    /** Directions that no step goes beyond. */
    public static final Option<Integer> QUERIES_MOST =
            Option.named("queries-most", OptionTypes.INTEGER)
                    .label("Q")
                    .help("The most directions that --queries-growth leads to; memory is for them.")
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    private static final List<Option<?>> COUNT = List.of(QUERIES, QUERIES_GROWTH, QUERIES_MOST);

    /** Whether slopes are over the spread of the losses. */
    public static final Option<Boolean> NORMALIZE =
            Option.named("normalize", OptionTypes.FLAG)
                    .help(
                            "Divide one-sided slopes by the standard deviation of the step's losses"
                                    + " (FZOO), not by eps.")
                    .usualUnsaid(false)
                    .decidesBytes()
                    .build();

    /** Whether a population has a member on each side of a direction. */
    public static final Option<Boolean> MIRRORED =
            Option.named("mirrored", OptionTypes.FLAG)
                    .help("Two members of the population a direction, on both sides of it.")
                    .usualUnsaid(false)
                    .decidesBytes()
                    .build();

    /** Steps from one anchor to the next. */
    public static final Option<Integer> ANCHOR_EVERY =
            Option.named("anchor-every", OptionTypes.INTEGER)
                    .label("N")
                    .help("Steps from one anchor of svrg to the next; updates are folded then.")
                    .usual(2)
                    .limit(Limit.atLeast(2))
                    .decidesBytes()
                    .build();

    /** Rows of an anchor step. */
    public static final Option<Integer> ANCHOR_BATCH =
            Option.named("anchor-batch", OptionTypes.INTEGER)
                    .label("N")
                    .help(
                            "Examples of an anchor step of svrg: the first of the data, or all"
                                    + " where there are fewer.")
                    .usual(512)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** Learning rate of an anchor step. */
    public static final Option<Double> ANCHOR_LR =
            Option.named("anchor-lr", OptionTypes.NUMBER)
                    .label("F")
                    .help("Learning rate of an anchor step of svrg.")
                    .usually("10 times --lr")
                    .limit(Limit.finiteAtLeastZero())
                    .decidesBytes()
                    .build();

    /** All of them, and the option that names one. */
    public static final Kinds<Estimator> KINDS =
            Kinds.of(
                    Option.named("estimator", OptionTypes.TEXT)
                            .label("NAME")
                            .help(
                                    "Losses that a step asks for: two-sided (both signs of each"
                                            + " direction), one-sided (one sign, and one at the"
                                            + " weights themselves), three-point (two-sided, and"
                                            + " one at the weights themselves), conservative"
                                            + " (three-point, and then of both steps, of which the"
                                            + " better is taken, or none), population (one sign,"
                                            + " or --mirrored both, each held to all others:"
                                            + " evolution strategies), svrg (two-sided, and the"
                                            + " same at an anchor, whose own step is on more"
                                            + " data) or gradient (one, and backward from it; with"
                                            + " an --optimizer that takes it).")
                            .usual(TwoSidedEstimator.NAME)
                            .decidesBytes()
                            .saidUnlessUsual(),
                    List.of(
                            Kind.of(
                                    TwoSidedEstimator.NAME,
                                    COUNT,
                                    (values, _) -> new TwoSidedEstimator(count(values))),
                            Kind.of(
                                    OneSidedEstimator.NAME,
                                    List.of(QUERIES, QUERIES_GROWTH, QUERIES_MOST, NORMALIZE),
                                    (values, _) -> oneSided(values)),
                            Kind.of(
                                    ThreePointEstimator.NAME,
                                    COUNT,
                                    (values, _) -> new ThreePointEstimator(count(values))),
                            Kind.of(
                                    ConservativeEstimator.NAME,
                                    List.of(QUERIES),
                                    (values, _) -> conservative(values)),
                            Kind.of(
                                    PopulationEstimator.NAME,
                                    List.of(QUERIES, QUERIES_GROWTH, QUERIES_MOST, MIRRORED),
                                    (values, _) -> population(values)),
                            Kind.of(
                                    SvrgEstimator.NAME,
                                    List.of(ANCHOR_EVERY, ANCHOR_BATCH, ANCHOR_LR),
                                    (values, _) ->
                                            new SvrgEstimator(
                                                    new Anchors(
                                                            values.get(ANCHOR_EVERY),
                                                            values.get(ANCHOR_BATCH),
                                                            values.get(ANCHOR_LR)))),
                            Kind.of(
                                    GradientEstimator.NAME,
                                    GradientEstimator.OPTIONS,
                                    (values, _) -> GradientEstimator.of(values))),
                    EstimatorKind.class);

    private Estimators() {}

    private static QueryCount count(Settings values) {
        int first = values.get(QUERIES);
        double growth = values.get(QUERIES_GROWTH);
        Optional<Integer> most = values.find(QUERIES_MOST);
        if (growth == 0 && most.isPresent()) {
            throw new BadInputException(
                    QUERIES_MOST.spelled(),
                    "every step asks along " + first,
                    "leave it out, or add " + QUERIES_GROWTH.spelled());
        }
        if (growth > 0 && most.orElse(0) < first) {
            throw new BadInputException(
                    QUERIES_MOST.spelled(),
                    most.isEmpty()
                            ? "memory is planned for the most directions, and nothing says how many"
                            : most.get() + " is below the " + first + " that a run begins with",
                    "give at least " + first);
        }
        return new QueryCount(first, growth, most.orElse(first));
    }

    private static Estimator conservative(Settings values) {
        if (values.get(QUERIES) != 1) {
            throw new BadInputException(
                    QUERIES.spelled(),
                    "a conservative step tries one direction",
                    "leave it out, or give another --estimator");
        }
        return new ConservativeEstimator();
    }

    private static Estimator population(Settings values) {
        boolean mirrored = values.get(MIRRORED);
        int queries = values.get(QUERIES);
        if (queries < 2 && !mirrored) {
            throw new BadInputException(
                    QUERIES.spelled(),
                    queries + " loss is no population",
                    "give at least 2, or add --mirrored");
        }
        return new PopulationEstimator(count(values), mirrored);
    }

    private static Estimator oneSided(Settings values) {
        boolean normalized = values.get(NORMALIZE);
        int queries = values.get(QUERIES);
        if (normalized && queries < 2) {
            throw new BadInputException(
                    QUERIES.spelled(),
                    queries + " loss has no spread to normalize by",
                    "give at least 2, or leave --normalize out");
        }
        return new OneSidedEstimator(count(values), normalized);
    }
}
