package io.millrace.optim.estimate;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

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
                                            + " evolution strategies) or svrg (two-sided, and the"
                                            + " same at an anchor, whose own step is on more"
                                            + " data).")
                            .usual(TwoSidedEstimator.NAME)
                            .decidesBytes()
                            .saidUnlessUsual(),
                    List.of(
                            Kind.of(
                                    TwoSidedEstimator.NAME,
                                    List.of(QUERIES),
                                    (values, _) -> new TwoSidedEstimator(values.get(QUERIES))),
                            Kind.of(
                                    OneSidedEstimator.NAME,
                                    List.of(QUERIES, NORMALIZE),
                                    (values, _) -> oneSided(values)),
                            Kind.of(
                                    ThreePointEstimator.NAME,
                                    List.of(QUERIES),
                                    (values, _) -> new ThreePointEstimator(values.get(QUERIES))),
                            Kind.of(
                                    ConservativeEstimator.NAME,
                                    List.of(QUERIES),
                                    (values, _) -> conservative(values)),
                            Kind.of(
                                    PopulationEstimator.NAME,
                                    List.of(QUERIES, MIRRORED),
                                    (values, _) -> population(values)),
                            Kind.of(
                                    SvrgEstimator.NAME,
                                    List.of(ANCHOR_EVERY, ANCHOR_BATCH, ANCHOR_LR),
                                    (values, _) ->
                                            new SvrgEstimator(
                                                    new Anchors(
                                                            values.get(ANCHOR_EVERY),
                                                            values.get(ANCHOR_BATCH),
                                                            values.get(ANCHOR_LR))))),
                    EstimatorKind.class);

    private Estimators() {}

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
        return new PopulationEstimator(queries, mirrored);
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
        return new OneSidedEstimator(queries, normalized);
    }
}
