package io.millrace.executor.plan;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.place.Engines;
import io.millrace.executor.place.StreamBuffers;
import io.millrace.executor.place.TierPlan;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.Anchors;
import io.millrace.prefetch.plan.AvailableMemory;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.StepWork;
import io.millrace.telemetry.Lane;
import java.util.Collections;
import java.util.Optional;

/**
 * Ways to run a model on a machine, each placed and forecast as it would run.
 *
 * @param model whose weights
 * @param machine where
 * @param tokensEach tokens of a sequence
 */
record PlanCandidates(ModelShape model, Machine machine, int tokensEach) {
    // What a card's driver and context take of its memory, at least.
    private static final long DEVICE_SHARE = 1L << 30;
    private static final int DEVICE_FRACTION = 24;

    /** One way. */
    record Candidate(PlanOptions options, TierPlan tiers, Forecast forecast) {
        double tokensPerSecond() {
            return forecast.tokensPerSecond();
        }
    }

    /** The way that options describe; refused where a budget is too small. */
    Candidate candidate(PlanOptions options) {
        TierPlan tiers = TierPlan.of(needs(options), budgets(options.memory()));
        return new Candidate(options, tiers, forecast(options, tiers));
    }

    private Forecast forecast(PlanOptions options, TierPlan tiers) {
        Direction direction = options.arithmetic().direction();
        if (!DirectionRates.known(machine.device().rates(), direction)) {
            throw new BadInputException(
                    "--perturbation",
                    "what '" + direction.name() + "' costs was not measured on this machine",
                    "run 'millrace probe' again, or give another");
        }
        boolean readsStored = !machine.device().onHostCores();
        return StepForecast.of(
                machine,
                tiers.placement(),
                options.memory().overlap(),
                model.program(),
                model.layout(),
                shape(model, options, tokensEach, workers(), readsStored),
                options.arithmetic(),
                options.adapters());
    }

    /** What a step of one run computes. */
    static StepWork work(
            ModelShape model,
            PlanOptions options,
            int tokensEach,
            int workers,
            boolean readsStored) {
        return StepCosts.of(
                model.program(),
                model.layout(),
                shape(model, options, tokensEach, workers, readsStored));
    }

    static StepCosts.Shape shape(
            ModelShape model,
            PlanOptions options,
            int tokensEach,
            int workers,
            boolean readsStored) {
        return new StepCosts.Shape(
                options.batchSequences(),
                options.microBatchSequences(),
                tokensEach,
                Math.max(1, tokensEach - 1),
                RuleCosts.of(options.arithmetic(), model.layout()),
                options.arithmetic().estimator().questions(),
                workers,
                readsStored);
    }

    private int workers() {
        return workers(machine);
    }

    /** Threads that compute there. */
    static int workers(Machine machine) {
        return machine.device().onHostCores() ? machine.host().cores() : 1;
    }

    /** What the options' run has to place under their budgets. */
    TierPlan.Needs needs(PlanOptions options) {
        Ways ways = ways(options);
        return ways.less
                .map(less -> TierPlan.fitting(ways.all, less, budgets(options.memory())))
                .orElse(ways.all);
    }

    /** The same where all values are in memory. */
    TierPlan.Needs wholeNeeds(PlanOptions options) {
        return ways(options).all;
    }

    /** The same where nothing that can be set aside on the drive is in memory. */
    TierPlan.Needs smallestNeeds(PlanOptions options) {
        Ways ways = ways(options);
        return ways.less.orElse(ways.all);
    }

    /** What has to be placed, and the same with values set aside where there are such. */
    private record Ways(TierPlan.Needs all, Optional<TierPlan.Needs> less) {}

    private Ways ways(PlanOptions options) {
        // How many examples there are is not known: an anchor step may find all that it asks for.
        int apart = options.arithmetic().estimator().anchors().map(Anchors::rows).orElse(0);
        ScratchSize size =
                Scoring.size(
                        options.arithmetic().objective(),
                        Math.max(
                                options.batchSequences(),
                                Scoring.sequences(apart, options.sequencesEach())),
                        options.microBatchSequences(),
                        tokensEach,
                        options.arithmetic().estimator().questions());
        // The engine that will run says what it needs; nothing of a device is loaded for that.
        Engine engine = Engines.of(machine.device().name().kind());
        Engine.Plan each =
                engine.plan(
                        model.program(),
                        model.computed(machine.device().onHostCores()),
                        size,
                        Arithmetic.of(options.arithmetic()),
                        workers(),
                        model.writesBack());
        int runs = options.adapters();
        boolean unified = machine.device().isUnified();
        long memory = unified ? hostBudget(options.memory()) : deviceBudget(options.memory());
        Engine.Need forwards =
                runs == 1
                        ? each.need()
                        : engine.together(Collections.nCopies(runs, each), memory).need();
        Optional<Engine.Plan> spilling = runs == 1 && unified ? each.spilling() : Optional.empty();
        TierPlan.Needs all =
                new TierPlan.Needs(
                        model.layout().blocks().stream().map(BlockLayout::sizeBytes).toList(),
                        model.layout().blocks().stream().map(BlockLayout::weightBytes).toList(),
                        model.layout().order(),
                        forwards,
                        machine.device().isUnified(),
                        options.memory().overlap() ? options.memory().prefetch() : 0,
                        model.writesBack(),
                        new StreamBuffers(model.direct()));
        return new Ways(all, spilling.map(plan -> all.withForwards(plan.need())));
    }

    private TierPlan.Budgets budgets(MemoryConfig memory) {
        return new TierPlan.Budgets(
                hostBudget(memory),
                machine.device().isUnified() ? 0 : deviceBudget(memory),
                memory.nvmeBudget().orElse(machine.drive().freeBytes()));
    }

    long hostBudget(MemoryConfig memory) {
        Machine.Host host = machine.host();
        return memory.hostBudget()
                .orElse(AvailableMemory.forRun(host.memoryBytes(), host.availableBytes()));
    }

    long deviceBudget(MemoryConfig memory) {
        if (machine.device().isUnified()) {
            return 0;
        }
        long bytes = machine.device().memoryBytes();
        if (bytes == 0) { // the emulated device has all that the host has
            return memory.deviceBudget().orElse(machine.host().availableBytes());
        }
        return memory.deviceBudget()
                .orElse(bytes - Math.max(DEVICE_SHARE, bytes / DEVICE_FRACTION));
    }

    /** The same where the machine allows it. */
    Optional<Candidate> tryCandidate(PlanOptions options) {
        try {
            return Optional.of(candidate(options));
        } catch (BadInputException e) {
            return Optional.empty(); // not an alternative on this machine
        }
    }

    /**
     * Tokens a step from which on transfers hide; 0 where nothing moves. From two batches, since
     * transfers stay and computing grows with tokens in a straight line.
     */
    long hidingTokens(Candidate now) {
        double moving = 0;
        for (Lane lane : Lane.values()) {
            moving =
                    lane == Lane.COMPUTE
                            ? moving
                            : Math.max(moving, now.forecast.busySeconds().get(lane));
        }
        if (moving == 0) {
            return 0;
        }
        PlanOptions twice =
                now.options
                        .withBatch(2 * now.options.batchSize())
                        .withMicroBatch(now.options.microBatch().orElseThrow());
        double once = now.forecast.busySeconds().get(Lane.COMPUTE);
        double both = forecast(twice, now.tiers).busySeconds().get(Lane.COMPUTE);
        double tokens = (double) now.options.batchSequences() * tokensEach;
        double each = (both - once) / tokens;
        return Math.max(1, Math.round(Math.ceil((moving - (once - each * tokens)) / each)));
    }
}
