package io.millrace.executor.step;

import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.random.SplitMix64;
import java.util.List;

/**
 * Steps along the gradient. A record has the batch's loss and, in the place of a slope, the norm of
 * the gradient; it is no more than a note, since the step cannot be made again of it.
 */
public final class GradientRunner implements StepTaker {
    private final Forward forward;
    private final Options options;
    private final TurnCounts turns;

    /**
     * What stays the same from step to step.
     *
     * @param runSeed the run's seed
     * @param eps noted in records alone
     * @param weightDecay decay of matrices
     */
    public record Options(long runSeed, double eps, double weightDecay) {}

    /**
     * A runner.
     *
     * @param turns how often blocks had a part in the steps so far
     */
    public GradientRunner(Forward forward, Options options, TurnCounts turns) {
        this.forward = forward;
        this.options = options;
        this.turns = turns;
    }

    @Override
    public StepRecord run(StepInput input, UpdateLog updates) {
        long step = input.step();
        long seed = SplitMix64.output(options.runSeed, step);
        BlockSet parts = updates.blocksOf(step, seed);
        turns.advance(step, parts);
        GradientSteps.Found found =
                forward.gradients()
                        .run(
                                new GradientSteps.Asked(
                                        step,
                                        seed,
                                        input.batch().scored(),
                                        updates,
                                        parts,
                                        input.lr(),
                                        options.weightDecay,
                                        turns));
        return new StepRecord(
                step,
                seed,
                input.lr(),
                options.eps,
                options.weightDecay,
                found.loss(),
                List.of(new QueryResult(seed, List.of(found.loss()), found.norm())));
    }
}
