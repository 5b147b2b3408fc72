package io.millrace.executor.step;

import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.Judgement;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.Round;
import io.millrace.optim.estimate.StepContext;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.random.SplitMix64;
import java.util.ArrayList;
import java.util.List;

/** One step: losses of a batch along the step's directions, and the record that they make. */
public final class StepRunner {
    private final Forward forward;
    private final Estimator estimator;
    private final StepOptions options;
    private final LossSink sink = new LossSink();

    public StepRunner(Forward forward, Estimator estimator, StepOptions options) {
        this.forward = forward;
        this.estimator = estimator;
        this.options = options;
    }

    /**
     * Runs a step; the update it makes is not in the log yet.
     *
     * @param input of the step
     * @param updates the updates of all steps before
     */
    public StepRecord run(StepInput input, UpdateLog updates) {
        long step = input.step();
        long seed = SplitMix64.output(options.runSeed(), step);
        List<MicroBatch> microBatches = MicroBatches.scoring(input.batch(), options.microBatch());
        Round round =
                estimator.begin(
                        new StepContext(
                                step,
                                seed,
                                options.eps(),
                                input.lr(),
                                input.epoch(),
                                input.anchor()));
        while (true) {
            switch (round.judge(ask(round.queries(), step, seed, microBatches, updates))) {
                case Judgement.AskMore more -> round = more.next();
                case Judgement.Found found -> {
                    return new StepRecord(
                            step,
                            seed,
                            input.lr(),
                            options.eps(),
                            options.weightDecay(),
                            found.loss(),
                            found.queries(),
                            new StepRecord.Reading(found.sums(), false));
                }
            }
        }
    }

    private List<double[]> ask(
            List<Query> queries,
            long step,
            long seed,
            List<MicroBatch> microBatches,
            UpdateLog updates) {
        sink.prepare(queries, MicroBatches.headRowCount(microBatches));
        forward.run(ForwardRequest.step(step, seed, microBatches, queries, updates), sink);
        List<double[]> losses = new ArrayList<>();
        for (int query = 0; query < queries.size(); query++) {
            double[] ofQuery = new double[queries.get(query).scales().size()];
            for (int scale = 0; scale < ofQuery.length; scale++) {
                ofQuery[scale] = sink.mean(query, scale);
            }
            losses.add(ofQuery);
        }
        return losses;
    }

    /**
     * What stays the same from step to step.
     *
     * @param runSeed the run's seed
     * @param eps scale of the perturbation
     * @param weightDecay decay of matrices
     * @param microBatch sequences that pass through a block together
     */
    public record StepOptions(long runSeed, double eps, double weightDecay, int microBatch) {}
}
