package io.millrace.executor.plan;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.place.PrefetchChooser;
import io.millrace.executor.place.TierPlan;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Matmul;
import io.millrace.memory.Tier;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Example;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.objective.AnswerObjective;
import io.millrace.prefetch.plan.AvailableMemory;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a run chooses where nothing was told, and what it expects of its steps. Budgets that were
 * given are left as they are.
 */
public final class RunForecast implements PrefetchChooser {
    private static final int FARTHEST = 4; // blocks ahead that are tried
    private static final double BETTER = 0.99; // of a step: less is not worth the memory

    private final TuneConfig config;
    private final MemoryConfig memory;
    private final Optional<Machine> machine;
    private final boolean probeIsOld; // it lacks what this run needs
    private final ModelProgram program;
    private final ModelLayout layout;
    private final StepCosts.Shape shape;

    /**
     * A forecast.
     *
     * @param config the run
     * @param memory its budgets
     * @param probed the machine, where it was
     * @param program the model
     * @param layout its blocks
     * @param examples what the run tunes on
     * @param sequencesEach sequences that an example passes as
     */
    public RunForecast(
            TuneConfig config,
            MemoryConfig memory,
            Optional<Machine> probed,
            ModelProgram program,
            ModelLayout layout,
            List<Example> examples,
            int sequencesEach) {
        this.config = config;
        this.memory = memory;
        this.program = program;
        this.layout = layout;
        // A card is another machine than the processor that was probed.
        boolean otherCores = !memory.device().kind().onHostCores();
        Direction direction = config.arithmetic().direction();
        machine =
                probed.filter(one ->
                                !otherCores
                                        && DirectionRates.known(one.device().rates(), direction))
                        .map(one -> one.withDevice(one.device().withName(memory.device())))
                        .flatMap(one ->
                                config.arithmetic().matmul() == Matmul.BF16
                                        ? one.rounding()
                                        : Optional.of(one));
        probeIsOld = machine.isEmpty() && !otherCores && probed.isPresent();
        double tokens = examples.stream().mapToInt(Example::length).average().orElse(1);
        double scored = examples.stream().mapToInt(Example::scoredTokens).average().orElse(1);
        shape =
                new StepCosts.Shape(
                        config.data().batchSize() * sequencesEach,
                        config.data().microBatch() * sequencesEach,
                        (int) Math.max(1, Math.round(tokens)),
                        (int) Math.max(1, Math.round(scored)),
                        RuleCosts.of(config.arithmetic(), layout),
                        config.arithmetic().estimator().questions(),
                        machine.map(PlanCandidates::workers).orElse(1),
                        false);
    }

    /** The memory options of a run; host memory is bounded by what is free where nobody says. */
    public static MemoryConfig memory(MemoryConfig given) {
        if (given.hostBudget().isPresent()) {
            return given;
        }
        long free = AvailableMemory.read().forRun();
        return free == 0 ? given : given.withHostBudget(free);
    }

    /** The prefetch distance: the given one, unless budgets are the run's own choice too. */
    @Override
    public int prefetch(TierPlan.Needs needs, TierPlan.Budgets budgets) {
        int given = memory.prefetch();
        if (machine.isEmpty() || config.memory().hostBudget().isPresent() || !memory.overlap()) {
            return given;
        }
        Optional<Double> now = stepSeconds(needs, budgets);
        int best = given;
        double least = now.orElse(Double.POSITIVE_INFINITY) * BETTER;
        for (int ahead = 1; ahead <= FARTHEST; ahead++) {
            Optional<Double> seconds = stepSeconds(needs.withPrefetch(ahead), budgets);
            if (seconds.isPresent() && seconds.get() < least) {
                best = ahead;
                least = seconds.get();
            }
        }
        return best;
    }

    private Optional<Double> stepSeconds(TierPlan.Needs needs, TierPlan.Budgets budgets) {
        try {
            return forecast(TierPlan.of(needs, budgets)).map(Forecast::stepSeconds);
        } catch (BadInputException e) {
            return Optional.empty(); // the run itself says so, with what would be enough
        }
    }

    /** What steps will cost; empty where the machine was not probed. */
    Optional<Forecast> forecast(TierPlan plan) {
        return machine.map(one ->
                StepForecast.of(
                        one,
                        plan.placement(),
                        memory.overlap(),
                        program,
                        layout,
                        shape,
                        config.arithmetic(),
                        1));
    }

    /** Choice and expectation on one line; empty where there is nothing to tell. */
    public Optional<String> describe(TierPlan plan) {
        // How many tokens answers will have, nobody knows.
        String passes =
                config.arithmetic().objective() instanceof AnswerObjective
                        ? "pass for a token of the answers"
                        : "step";
        Optional<String> expected =
                forecast(plan)
                        .map(one ->
                                String.format(
                                        Locale.ROOT,
                                        "a %s should take %s, bound by %s",
                                        passes,
                                        Durations.format(one.stepSeconds()),
                                        one.boundLane().label()));
        if (probeIsOld) {
            expected = Optional.of("run 'millrace probe' again to know the step time");
        }
        if (config.memory().hostBudget().isPresent()) {
            return expected.map(line -> "plan: " + line);
        }
        int stay = 0;
        for (Tier home : plan.placement().homes()) {
            stay += home == Tier.NVME ? 0 : 1;
        }
        return Optional.of(
                String.format(
                        Locale.ROOT,
                        "plan: up to %s of host memory, of which %s are needed for %d of %d blocks"
                                + "%s and the batch; %s",
                        ByteSize.format(memory.hostBudget().orElse(0)),
                        ByteSize.format(plan.hostBytes()),
                        stay,
                        plan.placement().homes().size(),
                        layout.tuned().stateBytes() == 0 ? "" : ", their states,",
                        expected.orElse("run 'millrace probe' once to know the step time")));
    }
}
