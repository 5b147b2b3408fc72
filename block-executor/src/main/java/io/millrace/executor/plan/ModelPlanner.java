package io.millrace.executor.plan;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.place.TierPlan;
import io.millrace.memory.BadInputException;
import io.millrace.memory.Matmul;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.StepWork;
import java.util.List;
import java.util.Optional;

/** Plans a run: the placement that it will have, and what its steps will cost on a machine. */
public final class ModelPlanner {
    private static final int LONGEST_BY_DEFAULT = 2048;
    private static final double BETTER = 1.01; // smaller micro-batches gain nothing else

    private final PlanCandidates candidates;

    private ModelPlanner(PlanCandidates candidates) {
        this.candidates = candidates;
    }

    /**
     * Plans.
     *
     * @param model whose weights
     * @param options of the run
     * @param machine where; its device is the one that the options name
     * @param sweeps whether other budgets are looked at too
     * @throws BadInputException when a budget is too small, naming the smallest that works
     */
    public static ModelPlan plan(
            ModelShape model, PlanOptions options, Machine machine, boolean sweeps) {
        options.memory().checkDeviceBudget(machine.device().isUnified());
        ModelShape moving = options.arithmetic().wire().map(model::wired).orElse(model);
        ModelShape tuned = moving.tunedBy(options.arithmetic(), machine.device().name().kind());
        int limit = tuned.program().maxPositions();
        int tokens = options.seqLen().orElse(Math.min(limit, LONGEST_BY_DEFAULT));
        DatasetOptions.of(tokens, limit, model.program().vocabSize()); // what a run's data must fit
        Machine computing = computing(machine, options.arithmetic().matmul());
        return new ModelPlanner(new PlanCandidates(tuned, computing, tokens)).plan(options, sweeps);
    }

    /**
     * A plan with another micro-batch, where its budgets allow that.
     *
     * @param sequences of one
     */
    static Optional<ModelPlan> again(ModelPlan plan, int sequences) {
        PlanCandidates candidates =
                new PlanCandidates(plan.model(), plan.machine(), plan.tokensEach());
        try {
            return Optional.of(
                    new ModelPlanner(candidates)
                            .plan(plan.options().withMicroBatch(sequences), false));
        } catch (BadInputException e) {
            return Optional.empty(); // not an alternative on this machine
        }
    }

    private static Machine computing(Machine machine, Matmul matmul) {
        if (matmul != Matmul.BF16 || !machine.device().onHostCores()) {
            return machine; // a card's engine refuses for itself
        }
        return machine.rounding()
                .orElseThrow(() ->
                        new BadInputException(
                                "--matmul",
                                "how fast bf16 products are was not measured",
                                "run 'millrace probe' on a processor that has them"));
    }

    /**
     * What a step of a run computes on a CPU, operator by operator.
     *
     * @param model whose shapes
     * @param options of the run; its micro-batch, or the whole batch at once
     * @param tokens tokens of a sequence
     * @param workers that share the work
     */
    public static StepWork work(ModelShape model, PlanOptions options, int tokens, int workers) {
        return PlanCandidates.work(model, options, tokens, workers, false);
    }

    private ModelPlan plan(PlanOptions wanted, boolean sweeps) {
        PlanCandidates.Candidate best = best(wanted);
        PlanOptions options = best.options();
        TierPlan tiers = best.tiers();
        return new ModelPlan(
                candidates.model(),
                candidates.machine(),
                options,
                candidates.tokensEach(),
                tiers.placement(),
                memory(tiers, options.memory()),
                best.forecast(),
                new ModelPlan.Counsel(
                        candidates.hidingTokens(best),
                        sweeps ? new PlanAdvice(candidates, best).lines() : List.of(),
                        sweeps ? new PlanSweep(candidates, options).points() : List.of()));
    }

    private ModelPlan.Memory memory(TierPlan tiers, MemoryConfig memory) {
        TierPlan.Needs needs = tiers.needs();
        long deviceBudget = candidates.deviceBudget(memory);
        return new ModelPlan.Memory(
                candidates.hostBudget(memory),
                deviceBudget,
                tiers.hostBytes(),
                tiers.deviceBytes(),
                tiers.storeBytes(),
                needs.scratchBytes(),
                TierPlan.minimumHostBytes(needs, deviceBudget),
                TierPlan.minimumDeviceBytes(needs));
    }

    /** With the micro-batch that was asked for, or the one that makes the fastest step. */
    private PlanCandidates.Candidate best(PlanOptions options) {
        if (options.microBatch().isPresent()) {
            return candidates.candidate(options);
        }
        PlanCandidates.Candidate best = null;
        BadInputException refusal = null;
        for (int size = options.batchSize(); size >= 1; size = size == 1 ? 0 : (size + 1) / 2) {
            try {
                PlanCandidates.Candidate next = candidates.candidate(options.withMicroBatch(size));
                if (best == null
                        || next.forecast().stepSeconds() * BETTER < best.forecast().stepSeconds()) {
                    best = next;
                }
            } catch (BadInputException e) {
                refusal = e;
            }
        }
        if (best == null) {
            throw refusal;
        }
        return best;
    }
}
