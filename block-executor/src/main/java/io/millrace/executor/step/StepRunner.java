package io.millrace.executor.step;

import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.Judgement;
import io.millrace.optim.estimate.Round;
import io.millrace.optim.estimate.StepContext;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.random.SplitMix64;
import java.util.function.LongToDoubleFunction;

/** One step: what a batch says along the step's directions, and the record that it makes. */
public final class StepRunner implements StepTaker {
    private final Forward forward;
    private final Estimator estimator;
    private final StepOptions options;

    public StepRunner(Forward forward, Estimator estimator, StepOptions options) {
        this.forward = forward;
        this.estimator = estimator;
        this.options = options;
    }

    @Override
    public StepRecord run(StepInput input, UpdateLog updates) {
        long step = input.step();
        long seed = SplitMix64.output(options.runSeed(), step);
        double eps = options.eps().applyAsDouble(step);
        StepBatch.Passes passes =
                (queries, batches, sink) ->
                        forward.run(
                                ForwardRequest.step(step, seed, batches, queries, updates), sink);
        Round round =
                estimator.begin(
                        new StepContext(
                                step, seed, eps, input.lr(), input.epoch(), input.anchor()));
        while (true) {
            switch (round.judge(input.batch().values(round.queries(), passes))) {
                case Judgement.AskMore more -> round = more.next();
                case Judgement.Found found -> {
                    return new StepRecord(
                            step,
                            seed,
                            input.lr(),
                            eps,
                            options.weightDecay(),
                            found.loss(),
                            found.queries(),
                            new StepRecord.Reading(found.sums(), false));
                }
            }
        }
    }

    /**
     * What stays the same from step to step.
     *
     * @param runSeed the run's seed
     * @param eps scale of the perturbation in a step
     * @param weightDecay decay of matrices
     */
    public record StepOptions(long runSeed, LongToDoubleFunction eps, double weightDecay) {}
}
