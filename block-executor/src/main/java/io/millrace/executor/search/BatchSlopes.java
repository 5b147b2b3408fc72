package io.millrace.executor.search;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.step.DivergedException;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.StepBatch;
import io.millrace.executor.step.UpdateLog;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.QuerySeeds;
import io.millrace.optim.random.SplitMix64;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The slope of the loss of each batch of the data along each of some directions, at weights that
 * are only read.
 *
 * @param seeds of the directions, those of the first step of a run with as many queries
 * @param slopes (L₊ − L₋) / 2ε by batch and direction
 * @param shares of the batches in the data; they sum to 1
 */
record BatchSlopes(long[] seeds, double[][] slopes, double[] shares) {
    /** Takes them; empty where it was asked to stop before it had all. */
    static Optional<BatchSlopes> take(
            SensitiveConfig config,
            Forward forward,
            Scoring scoring,
            List<List<Integer>> visits,
            RunListener listener,
            Consumer<String> progress) {
        ArithmeticConfig arithmetic = config.arithmetic();
        SensitiveConfig.Choice choice = config.choice();
        UpdateLog none = new UpdateLog(arithmetic.rule(), arithmetic.participation(), visits);
        long stepSeed = SplitMix64.output(arithmetic.seed(), 1);
        long[] seeds = QuerySeeds.of(stepSeed, choice.directions());
        int each = config.data().orElseThrow().batchSize();
        int batches = Math.ceilDiv(scoring.examples(), each);
        double[][] slopes = new double[batches][seeds.length];
        double[] shares = new double[batches];
        StepBatch.Passes passes =
                (queries, micro, sink) ->
                        forward.run(ForwardRequest.step(1, stepSeed, micro, queries, none), sink);
        for (int from = 0; from < seeds.length; from += choice.together()) {
            int to = Math.min(seeds.length, from + choice.together());
            List<Query> pass = pass(seeds, from, to, (float) arithmetic.eps());
            for (int batch = 0; batch < batches; batch++) {
                if (listener.stopRequested()) {
                    return Optional.empty();
                }
                progress.accept(progress(from, seeds.length, batch, batches));
                int end = Math.min(scoring.examples(), (batch + 1) * each);
                StepBatch asked = scoring.batch(IntStream.range(batch * each, end).toArray());
                shares[batch] = asked.weight();
                List<double[]> values = asked.values(pass, passes);
                for (int query = 0; query < pass.size(); query++) {
                    double[] both = values.get(query);
                    slopes[batch][from + query] = (both[0] - both[1]) / (2 * arithmetic.eps());
                }
            }
        }
        requireNumbers(slopes);
        double all = Arrays.stream(shares).sum();
        Arrays.setAll(shares, batch -> shares[batch] / all);
        return Optional.of(new BatchSlopes(seeds, slopes, shares));
    }

    private static List<Query> pass(long[] seeds, int from, int to, float eps) {
        return Arrays.stream(seeds, from, to)
                .mapToObj(seed -> new Query(seed, List.of(eps, -eps)))
                .toList();
    }

    private static void requireNumbers(double[][] slopes) {
        if (!Arrays.stream(slopes).flatMapToDouble(Arrays::stream).allMatch(Double::isFinite)) {
            throw new DivergedException("a loss near the base is no number; lower --eps");
        }
    }

    private static String progress(int from, int directions, int batch, int batches) {
        return String.format(
                Locale.ROOT,
                "directions from %d of %d, batch %d of %d",
                from + 1,
                directions,
                batch + 1,
                batches);
    }
}
