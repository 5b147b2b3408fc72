package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.prefetch.plan.AvailableMemory;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.StepWork;
import io.millrace.telemetry.Lane;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;

/** Plans a run: the placement that it will have, and what its steps will cost on a machine. */
public final class ModelPlanner {
    private static final int LONGEST_BY_DEFAULT = 2048;
    private static final int SCALES = 2;
    private static final int HOST_POINTS = 10;
    private static final int DEVICE_POINTS = 3;
    private static final double BETTER = 1.01; // smaller micro-batches gain nothing else
    private static final double WORTH = 1.05; // of the speed: less is not worth a change
    // What a card's driver and context take of its memory, at least.
    private static final long DEVICE_SHARE = 1L << 30;
    private static final int DEVICE_FRACTION = 24;

    private final ModelShape model;
    private final Machine machine;
    private final int tokensEach;

    private ModelPlanner(ModelShape model, Machine machine, int tokensEach) {
        this.model = model;
        this.machine = machine;
        this.tokensEach = tokensEach;
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
        int limit = model.spec().maxPositions();
        int tokens = options.seqLen().orElse(Math.min(limit, LONGEST_BY_DEFAULT));
        if (tokens < 1 || tokens > limit) {
            throw new BadInputException(
                    "--seq-len", tokens + " is not within 1 to " + limit, "give the model's own");
        }
        return new ModelPlanner(model, machine, tokens).plan(options, sweeps);
    }

    private ModelPlan plan(PlanOptions wanted, boolean sweeps) {
        Candidate best = best(wanted);
        PlanOptions options = best.options;
        TierPlan tiers = best.tiers;
        TierPlan.Needs needs = tiers.needs();
        return new ModelPlan(
                model,
                machine,
                options,
                tokensEach,
                hostBudget(options.memory()),
                deviceBudget(options.memory()),
                tiers.placement(),
                tiers.hostBytes(),
                tiers.deviceBytes(),
                tiers.storeBytes(),
                needs.scratchBytes(),
                TierPlan.minimumHostBytes(needs, deviceBudget(options.memory())),
                TierPlan.minimumDeviceBytes(needs),
                best.forecast,
                hidingTokens(best),
                sweeps ? advice(best) : List.of(),
                sweeps ? sweep(options) : List.of());
    }

    private record Candidate(PlanOptions options, TierPlan tiers, Forecast forecast) {
        double tokensPerSecond() {
            return forecast.tokensPerSecond();
        }
    }

    /** With the micro-batch that was asked for, or the one that makes the fastest step. */
    private Candidate best(PlanOptions options) {
        if (options.microBatch().isPresent()) {
            return candidate(options);
        }
        Candidate best = null;
        BadInputException refusal = null;
        for (int size = options.batchSize(); size >= 1; size = size == 1 ? 0 : (size + 1) / 2) {
            try {
                Candidate next = candidate(options.withMicroBatch(size));
                if (best == null
                        || next.forecast.stepSeconds() * BETTER < best.forecast.stepSeconds()) {
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

    private Candidate candidate(PlanOptions options) {
        TierPlan tiers = TierPlan.of(needs(options), budgets(options.memory()));
        return new Candidate(options, tiers, forecast(options, tiers));
    }

    private Forecast forecast(PlanOptions options, TierPlan tiers) {
        StepCosts.Shape shape =
                new StepCosts.Shape(
                        options.batchSize(),
                        options.microBatch().orElse(options.batchSize()),
                        tokensEach,
                        Math.max(1, tokensEach - 1),
                        options.queries(),
                        options.foldEvery());
        StepWork work = StepCosts.of(model.spec(), model.layout(), shape);
        return Forecast.of(
                machine,
                tiers.placement(),
                work,
                options.perturbation(),
                options.memory().overlap());
    }

    private TierPlan.Needs needs(PlanOptions options) {
        ScratchSize size =
                ScratchSize.batches(
                        options.batchSize(),
                        options.microBatch().orElse(options.batchSize()),
                        tokensEach,
                        options.queries(),
                        SCALES);
        int workers = machine.device().onHostCores() ? machine.host().cores() : 1;
        return new TierPlan.Needs(
                model.layout().blocks().stream().map(BlockLayout::sizeBytes).toList(),
                model.layout().visits(),
                new Engine.Need(ScratchPlan.of(model.spec(), size, workers).bytes(), 0),
                machine.device().isUnified(),
                options.memory().overlap() ? options.memory().prefetch() : 0,
                true,
                model.direct());
    }

    private TierPlan.Budgets budgets(MemoryConfig memory) {
        return new TierPlan.Budgets(
                hostBudget(memory),
                machine.device().isUnified() ? 0 : deviceBudget(memory),
                memory.nvmeBudget().orElse(machine.drive().freeBytes()));
    }

    private long hostBudget(MemoryConfig memory) {
        Machine.Host host = machine.host();
        return memory.hostBudget()
                .orElse(AvailableMemory.forRun(host.memoryBytes(), host.availableBytes()));
    }

    private long deviceBudget(MemoryConfig memory) {
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

    /**
     * From two batches, since transfers stay and computing grows with tokens in a straight line.
     */
    private long hidingTokens(Candidate now) {
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
        double tokens = (double) now.options.batchSize() * tokensEach;
        double each = (both - once) / tokens;
        return Math.max(1, Math.round(Math.ceil((moving - (once - each * tokens)) / each)));
    }

    private List<String> advice(Candidate now) {
        List<Advice> found = new ArrayList<>();
        PlanOptions options = now.options;
        long everything = smallestWithoutDrive(now);
        if (everything > hostBudget(options.memory())) {
            consider(
                    found,
                    now,
                    options.withMemory(
                            withBudgets(
                                    options.memory(), everything, deviceBudget(options.memory()))),
                    "a host budget of "
                            + ByteSize.format(everything)
                            + " keeps every block in memory");
        }
        int batch = 2 * options.batchSize();
        consider(
                found,
                now,
                options.withBatch(batch),
                "--batch-size " + batch + " takes twice the tokens through each visit");
        if (options.foldEvery() == 1 && now.forecast.bytes().get(Lane.NVME_WRITE) > 0) {
            consider(
                    found,
                    now,
                    options.withFoldEvery(4),
                    "--fold-every 4 writes blocks back every fourth step only");
        }
        if (options.microBatch().orElseThrow() < options.batchSize()) {
            int micro = Math.min(options.batchSize(), 2 * options.microBatch().orElseThrow());
            consider(
                    found,
                    now,
                    options.withMicroBatch(micro),
                    "--micro-batch " + micro + " forms weights half as often");
        }
        for (int prefetch : new int[] {1, 4}) {
            consider(
                    found,
                    now,
                    options.withMemory(options.memory().withPrefetch(prefetch)),
                    "--prefetch " + prefetch);
        }
        return found.stream()
                .sorted(Comparator.comparingDouble((Advice one) -> -one.gain))
                .map(Advice::line)
                .toList();
    }

    private record Advice(double gain, String line) {}

    private void consider(List<Advice> found, Candidate now, PlanOptions other, String what) {
        Optional<Candidate> next = tryCandidate(other);
        if (next.isEmpty()) {
            return;
        }
        double gain = next.get().tokensPerSecond() / now.tokensPerSecond();
        if (gain >= WORTH) {
            found.add(
                    new Advice(
                            gain,
                            String.format(
                                    Locale.ROOT,
                                    "%s: %.2f times the tokens a second, a step of %s",
                                    what,
                                    gain,
                                    Durations.format(next.get().forecast.stepSeconds()))));
        }
    }

    private Optional<Candidate> tryCandidate(PlanOptions options) {
        try {
            return Optional.of(candidate(options));
        } catch (BadInputException e) {
            return Optional.empty(); // not an alternative on this machine
        }
    }

    /** The host budget from which on nothing goes to the drive. */
    private long smallestWithoutDrive(Candidate now) {
        TierPlan.Needs needs = now.tiers.needs();
        long blocks = needs.blockBytes().stream().mapToLong(HostMemory::pageBytes).sum();
        long onDevice =
                now.tiers.placement().homes().contains(Tier.DEVICE)
                        ? residentOnDevice(now) - now.tiers.placement().stagingBytes()
                        : 0;
        return needs.scratchOnHost() + blocks - onDevice;
    }

    private static long residentOnDevice(Candidate now) {
        long bytes = 0;
        for (int block = 0; block < now.tiers.placement().homes().size(); block++) {
            if (now.tiers.placement().homes().get(block) == Tier.DEVICE) {
                bytes += HostMemory.pageBytes(now.tiers.needs().blockBytes().get(block));
            }
        }
        return bytes;
    }

    private List<ModelPlan.SweepPoint> sweep(PlanOptions options) {
        TierPlan.Needs needs = needs(options);
        boolean unified = needs.unified();
        long blocks = needs.blockBytes().stream().mapToLong(HostMemory::pageBytes).sum();
        long device = deviceBudget(options.memory());
        TreeSet<Long> deviceBudgets = new TreeSet<>();
        if (unified) {
            deviceBudgets.add(0L);
        } else {
            long least = TierPlan.minimumDeviceBytes(needs);
            deviceBudgets.addAll(
                    between(least, Math.min(device, needs.scratchBytes() + blocks), DEVICE_POINTS));
            deviceBudgets.add(device);
        }
        TreeSet<Long> hostBudgets = new TreeSet<>();
        long least = TierPlan.minimumHostBytes(needs, 0); // what every device budget can do with
        hostBudgets.addAll(between(least, needs.scratchOnHost() + blocks, HOST_POINTS));
        hostBudgets.add(hostBudget(options.memory()));
        List<ModelPlan.SweepPoint> points = new ArrayList<>();
        for (long deviceBudget : deviceBudgets) {
            for (long hostBudget : hostBudgets) {
                MemoryConfig memory = withBudgets(options.memory(), hostBudget, deviceBudget);
                tryCandidate(options.withMemory(memory))
                        .ifPresent(found ->
                                points.add(
                                        new ModelPlan.SweepPoint(
                                                hostBudget,
                                                deviceBudget,
                                                found.forecast.stepSeconds(),
                                                found.forecast.boundLane().label(),
                                                found.forecast.bytes().get(Lane.NVME_READ))));
            }
        }
        return points;
    }

    /** Budgets from one to another, each the same factor above the last. */
    private static List<Long> between(long least, long most, int points) {
        List<Long> budgets = new ArrayList<>();
        double ratio = Math.max(1, (double) most / least);
        for (int i = 0; i < points; i++) {
            double exact = least * Math.pow(ratio, i / (points - 1.0));
            budgets.add(i == points - 1 ? Math.max(least, most) : Math.round(exact));
        }
        return budgets;
    }

    private static MemoryConfig withBudgets(MemoryConfig memory, long host, long device) {
        return new MemoryConfig(
                memory.device(),
                device == 0 ? OptionalLong.empty() : OptionalLong.of(device),
                OptionalLong.of(host),
                memory.nvmeDir(),
                memory.nvmeBudget(),
                memory.prefetch(),
                memory.overlap());
    }
}
