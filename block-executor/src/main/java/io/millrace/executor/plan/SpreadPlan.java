package io.millrace.executor.plan;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.spread.ShareSize;
import io.millrace.executor.spread.Workers;
import io.millrace.executor.step.Forward;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.Questions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * What a run's step will take where several workers share it, each on a machine like the plan's.
 */
public final class SpreadPlan {
    private final ModelPlan plan;
    private final ArithmeticConfig arithmetic;
    private final StepCosts.Shape shape;
    private final Forward.Grain grain;
    private final List<MicroBatch> batch;
    private final Map<List<StepCosts.Shape>, Double> known = new HashMap<>();

    /**
     * A step of several workers.
     *
     * @param mode what they divide
     * @param workers how many there are
     * @param busy how many of them have something to do
     * @param worker seconds that each of these computes and moves blocks
     * @param exchangeSeconds until all know what all found
     */
    public record Step(
            Parallel mode, int workers, int busy, List<Double> worker, double exchangeSeconds) {
        /** Freezes the list. */
        public Step {
            worker = List.copyOf(worker);
        }

        /** Seconds of the busiest worker. */
        public double computeSeconds() {
            return worker.stream().mapToDouble(Double::doubleValue).max().orElse(0);
        }

        /** Of the step. */
        public double seconds() {
            return computeSeconds() + exchangeSeconds;
        }
    }

    /**
     * Of a plan for one worker.
     *
     * @throws io.millrace.memory.BadInputException where its steps are not for several
     */
    public SpreadPlan(ModelPlan plan) {
        this.plan = plan;
        arithmetic = plan.options().arithmetic();
        Workers.requireShared(arithmetic);
        boolean onCores = plan.machine().device().onHostCores();
        shape =
                PlanCandidates.shape(
                        plan.model(),
                        plan.options(),
                        plan.tokensEach(),
                        PlanCandidates.workers(plan.machine()),
                        !onCores);
        boolean mixture = plan.model().layout().experts().stream().anyMatch(one -> !one.isEmpty());
        grain =
                new Forward.Grain(
                        StepCosts.scalesAtOnce(
                                plan.model().program(), plan.model().layout(), shape),
                        onCores && !mixture);
        batch =
                IntStream.range(0, shape.microBatches())
                        .mapToObj(index -> microBatch(shape.sequences(index)))
                        .toList();
    }

    /** Sequences that pass through a block together. */
    public int microBatch() {
        return plan.options().microBatch().orElseThrow();
    }

    private MicroBatch microBatch(int sequences) {
        int[] starts =
                IntStream.rangeClosed(0, sequences).map(one -> one * shape.tokens()).toArray();
        int tokens = starts[sequences];
        return new MicroBatch(new int[tokens], Sequences.fresh(starts), new int[0], new int[0]);
    }

    /** Micro-batches of a step. */
    public int microBatches() {
        return batch.size();
    }

    /**
     * Bytes that each worker's step asks of its drive, and which workers of one host could read for
     * each other; 0 where nothing streams, or only what is converted on the way.
     */
    public long sharedReadBytes() {
        boolean sliced = plan.model().direct() || plan.model().writesBack();
        return sliced ? plan.placement().nvmeBytesPerStep() : 0;
    }

    /** The most that queries of a pass can be cut into. */
    public int cuts() {
        List<Query> queries = queries(arithmetic.estimator().questions());
        int most = Math.toIntExact(arithmetic.estimator().questions().allScales());
        List<MicroBatch> one = batch.subList(0, 1);
        return (int)
                ShareSize.of(queries, one, grain, Parallel.PERTP, most).stream()
                        .filter(share -> !share.isEmpty())
                        .count();
    }

    /** A step in a mode. */
    public Step step(Parallel mode, int workers, Network network) {
        List<List<StepCosts.Shape>> asked = new ArrayList<>();
        for (int rank = 0; rank < workers; rank++) {
            asked.add(new ArrayList<>());
        }
        double exchange = 0;
        for (Questions pass : arithmetic.estimator().passes()) {
            List<ShareSize> shares = ShareSize.of(queries(pass), batch, grain, mode, workers);
            for (int rank = 0; rank < workers; rank++) {
                if (!shares.get(rank).isEmpty()) {
                    asked.get(rank).add(of(shares.get(rank)));
                }
            }
            exchange += network.exchangeSeconds(workers, pass.allScales() * batch.size());
        }
        List<Double> seconds = new ArrayList<>();
        for (List<StepCosts.Shape> one : asked) {
            if (!one.isEmpty()) {
                seconds.add(known.computeIfAbsent(one, this::seconds));
            }
        }
        return new Step(mode, workers, seconds.size(), seconds, exchange);
    }

    private StepCosts.Shape of(ShareSize share) {
        int sequences =
                share.microBatches().stream()
                        .mapToInt(one -> one.sequences().starts().length - 1)
                        .sum();
        Map<Integer, Integer> counts = new TreeMap<>();
        share.scales().forEach(scales -> counts.merge(scales, 1, Integer::sum));
        List<Questions.Group> groups = new ArrayList<>();
        counts.forEach((scales, queries) -> groups.add(new Questions.Group(queries, scales)));
        return shape.over(sequences).asking(new Questions(groups, shape.questions().directions()));
    }

    private double seconds(List<StepCosts.Shape> passes) {
        return StepForecast.of(
                        plan.machine(),
                        plan.placement(),
                        plan.options().memory().overlap(),
                        plan.model().program(),
                        plan.model().layout(),
                        passes,
                        arithmetic,
                        1)
                .stepSeconds();
    }

    private static List<Query> queries(Questions questions) {
        List<Query> queries = new ArrayList<>();
        for (Questions.Group group : questions.groups()) {
            Query query = new Query(0, Collections.nCopies(group.scales(), 1f));
            queries.addAll(Collections.nCopies(group.queries(), query));
        }
        return queries;
    }
}
