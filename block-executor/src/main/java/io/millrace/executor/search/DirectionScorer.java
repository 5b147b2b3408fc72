package io.millrace.executor.search;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.StepBatch;
import io.millrace.executor.step.UpdateLog;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.QueryResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Values of the objective over all examples, a few directions and examples a pass. */
final class DirectionScorer {
    private final Forward forward;
    private final Scoring scoring;
    private final SearchConfig config;
    private final UpdateLog none;

    /**
     * A scorer.
     *
     * @param forward runs the model
     * @param scoring the objective over the data
     * @param config what is searched
     * @param visits blocks in the order in which they pass
     */
    DirectionScorer(
            Forward forward, Scoring scoring, SearchConfig config, List<List<Integer>> visits) {
        this.forward = forward;
        this.scoring = scoring;
        this.config = config;
        ArithmeticConfig arithmetic = config.arithmetic();
        none = new UpdateLog(arithmetic.rule(), arithmetic.participation(), visits);
    }

    /** Scores what has no score yet; false where it was asked to stop before it had. */
    boolean score(ScoreFile found, RunListener listener, Consumer<String> progress) {
        SearchedSeeds seeds = new SearchedSeeds(config.arithmetic().seed(), config.choice());
        float eps = (float) config.arithmetic().eps();
        while (found.scores().size() < config.choice().directions()) {
            List<Query> pass = seeds.pass(found.scores().size(), eps);
            double[] sums = new double[pass.size()];
            long weights = 0;
            int each = config.data().batchSize();
            for (int from = 0; from < scoring.examples(); from += each) {
                if (listener.stopRequested()) {
                    return false;
                }
                progress.accept(progress(found.scores().size(), from));
                int to = Math.min(scoring.examples(), from + each);
                StepBatch batch = scoring.batch(IntStream.range(from, to).toArray());
                List<double[]> values = batch.values(pass, passes(seeds.step()));
                for (int query = 0; query < sums.length; query++) {
                    sums[query] += values.get(query)[0] * batch.weight();
                }
                weights += batch.weight();
            }
            add(found, pass, sums, weights);
        }
        return true;
    }

    private String progress(int scored, int example) {
        return String.format(
                Locale.ROOT,
                "directions from %d of %d, examples from %d of %d",
                scored + 1,
                config.choice().directions(),
                example + 1,
                scoring.examples());
    }

    private StepBatch.Passes passes(long stepSeed) {
        return (queries, batches, sink) ->
                forward.run(ForwardRequest.step(1, stepSeed, batches, queries, none), sink);
    }

    private static void add(ScoreFile found, List<Query> pass, double[] sums, long weights) {
        double base = found.base();
        List<QueryResult> directions = new ArrayList<>();
        for (int query = 0; query < sums.length; query++) {
            double value = sums[query] / weights;
            if (pass.get(query).isStill()) {
                base = value;
            } else {
                directions.add(new QueryResult(pass.get(query).seed(), List.of(value), 0));
            }
        }
        found.add(base, directions);
    }
}
