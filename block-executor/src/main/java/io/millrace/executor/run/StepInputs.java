package io.millrace.executor.run;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.step.StepBatch;
import io.millrace.executor.step.StepInput;
import io.millrace.model.text.BatchSampler;
import io.millrace.optim.estimate.Anchors;
import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.schedule.LrSchedule;
import io.millrace.optim.schedule.Schedules;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What each step of a run is given: its batch and its learning rate, or those of an anchor, and
 * what the estimator needs of the steps before.
 */
public final class StepInputs {
    private final Scoring scoring;
    private final BatchSampler sampler;
    private final int batchSize;
    private final long steps;
    private final LrSchedule rates;
    private final Optional<Apart> apart;
    private final RunHistory history;

    /** Steps that are taken apart: when, on what, and at which rate. */
    private record Apart(Anchors anchors, StepBatch batch, LrSchedule rates) {}

    StepInputs(
            ArithmeticConfig arithmetic,
            Scoring scoring,
            BatchSampler sampler,
            int batchSize,
            RunHistory history,
            ModelUnits units) {
        this.scoring = scoring;
        this.sampler = sampler;
        this.batchSize = batchSize;
        this.history = history;
        steps = arithmetic.steps();
        rates = rates(arithmetic, arithmetic.lr(), units);
        apart =
                arithmetic
                        .estimator()
                        .anchors()
                        .map(anchors ->
                                new Apart(
                                        anchors,
                                        scoring.batch(
                                                IntStream.range(
                                                                0,
                                                                Math.min(
                                                                        anchors.rows(),
                                                                        scoring.examples()))
                                                        .toArray()),
                                        rates(arithmetic, anchors.lr(), units)));
    }

    /**
     * The rates of steps, by what the run's schedule counts by: a warm-up lasts to the end of what
     * its last step is counted with.
     *
     * @param lr the highest
     * @param units of the model
     */
    static LrSchedule rates(ArithmeticConfig arithmetic, double lr, ModelUnits units) {
        Participation blocks = arithmetic.participation();
        long steps = arithmetic.warmup();
        long warmup = steps == 0 ? 0 : blocks.tick(steps, units);
        LrSchedule named = Schedules.named(arithmetic.schedule(), lr, warmup);
        return (step, all) -> named.at(blocks.tick(step, units), blocks.tick(all, units));
    }

    /** The input of the next step, counted from 1. */
    public StepInput of(long step) {
        long epoch = (step - 1) * batchSize / scoring.examples();
        Optional<Apart> anchor = apart.filter(one -> one.anchors.isAt(step));
        return new StepInput(
                step,
                epoch,
                anchor.map(Apart::rates).orElse(rates).at(step, steps),
                anchor.map(Apart::batch).orElseGet(() -> scoring.batch(sampler.indices(step))),
                history.anchor());
    }
}
