package io.millrace.executor.config;

import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.estimate.StepContext;
import io.millrace.optim.estimate.StepCount;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.OwloreLayers;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.participation.WeightedLayers;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * A published point of the family: what each axis is, with the published defaults where there are
 * any. What a run says beside it wins.
 *
 * @param name on the command line
 * @param source where it was published
 * @param settings of the axes, and their options
 */
public record Method(String name, String source, Settings settings) {
    private static final long COUNTED_STEPS = 100;

    /** Of a model of seven billion parameters, say: some rules keep numbers of a row or a rank. */
    private static final List<Long> MATRIX = List.of(4096L, 4096L);

    /** What an anchor found changes what a step does, and not how much it asks for. */
    private static final StepRecord MADE_UP =
            StepRecord.twoSided(1, 1, 0, 1, 0, List.of(QueryResult.twoSided(1, 1, 1, 0)));

    /**
     * What a run is told, with the method beneath. An option of the method that belongs to what the
     * run has replaced goes with it.
     *
     * @param told what the run says itself
     */
    public Settings beneath(Settings told) {
        Settings all = settings.with(told);
        Set<Option<?>> idle = new LinkedHashSet<>(ArithmeticConfig.idle(all));
        idle.retainAll(settings.options());
        idle.removeAll(told.options());
        return all.without(idle);
    }

    /**
     * The same for a comparison, in which not all methods have a use for all that is told: what
     * means nothing to this one is left out.
     *
     * @param told of all of them
     */
    public Settings among(Settings told) {
        Settings all = settings.with(told);
        Settings own = all.without(ArithmeticConfig.idle(all));
        return isFirstOrder() ? own.without(List.of(ArithmeticConfig.FOLD_EVERY)) : own;
    }

    /**
     * The whole point: all axes and their options. Where a run has to say how likely each layer is,
     * some are that are as likely as each other.
     */
    public ArithmeticConfig arithmetic() {
        return new ArithmeticConfig(
                lacksWeights()
                        ? settings.with(
                                WeightedLayers.WEIGHTS,
                                Collections.nCopies(settings.get(OwloreLayers.LAYERS), 1.0))
                        : settings);
    }

    /** Whether a run has to say how likely each layer is, since no method can. */
    public boolean lacksWeights() {
        return !settings.has(WeightedLayers.WEIGHTS)
                && Participations.KINDS.of(settings).options().contains(WeightedLayers.WEIGHTS);
    }

    /** Name of the direction; {@code none} where steps go along the gradient. */
    public String direction() {
        return isFirstOrder() ? "none" : arithmetic().settings().get(Directions.KINDS.naming());
    }

    /** Name of the estimator. */
    public String estimator() {
        return arithmetic().settings().get(Estimators.KINDS.naming());
    }

    /** Name of the update rule. */
    public String optimizer() {
        return arithmetic().settings().get(Optimizers.KINDS.naming());
    }

    /** Which layers have a part in a step. */
    public String blocks() {
        return arithmetic().settings().get(Participations.KINDS.naming());
    }

    /** Whether it goes back through the model for the gradient. */
    public boolean isFirstOrder() {
        return !arithmetic().isReplayable();
    }

    /**
     * Forwards of the batch in one visit of a block; with a gradient the one there, and the one
     * that is made again on the way back.
     */
    public long forwards() {
        if (isFirstOrder()) {
            return 2;
        }
        Questions questions = arithmetic().estimator().questions();
        return questions.allScales();
    }

    /** Forwards of the batch that a step takes, over all its passes; a mean where steps differ. */
    public double stepForwards() {
        return counts().mapToLong(StepCount::forwards).average().orElseThrow();
    }

    /** Times that a step goes over the model; a mean where steps differ. */
    public double stepPasses() {
        return counts().mapToInt(StepCount::passes).average().orElseThrow();
    }

    private Stream<StepCount> counts() {
        ArithmeticConfig arithmetic = arithmetic();
        if (isFirstOrder()) {
            return Stream.of(new StepCount(2, forwards())); // there, and back
        }
        Estimator estimator = arithmetic.estimator();
        Optional<StepRecord> anchor = estimator.anchors().map(_ -> MADE_UP);
        return LongStream.rangeClosed(1, COUNTED_STEPS)
                .mapToObj(step ->
                        new StepContext(step, step, arithmetic.eps(), arithmetic.lr(), 0, anchor))
                .map(step -> StepCount.of(estimator, step));
    }

    /** Bytes that the rule keeps in the tiers for each parameter of a matrix of 4096 by 4096. */
    public double stateBytes() {
        return arithmetic().rule() instanceof GradientRule first
                ? first.kept().stream().mapToDouble(Method::share).sum()
                : arithmetic().rule().states().stream()
                        .mapToDouble(state -> (double) state.dtype().sizeBytes())
                        .sum();
    }

    private static double share(TensorState state) {
        double bytes = (double) (state.extent().of(MATRIX) * state.dtype().sizeBytes());
        return bytes / (double) TensorState.ELEMENTS.of(MATRIX);
    }
}
