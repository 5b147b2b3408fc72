package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cpu.CpuWorkers;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.prefetch.BlockFeed;
import io.millrace.telemetry.SpanRecorder;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * A checkpoint that is ready to run on a device: its weights where the budgets allow, the workers,
 * and the memory that forwards need.
 */
final class ModelSession implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final ModelLayout layout;
    private final MemoryConfig memory;
    private final Ledger ledger;
    private final SpanRecorder spans = new SpanRecorder();
    private final CpuWorkers workers;
    private ScratchPlan scratchPlan;
    private BlockTiers tiers;
    private Checkpoint saved;
    private PassesPlan passesPlan;
    private WeightPasses passes;
    private Scratch scratch;

    private ModelSession(
            Checkpoint checkpoint,
            ModelLayout layout,
            MemoryConfig memory,
            Ledger ledger,
            CpuWorkers workers) {
        this.checkpoint = checkpoint;
        this.layout = layout;
        this.memory = memory;
        this.ledger = ledger;
        this.workers = workers;
    }

    /**
     * Opens a model folder and checks it; weights are not loaded yet.
     *
     * @param folder the Hugging Face folder
     * @param dtype what to store weights in, the checkpoint's own dtypes where empty
     * @param memory where bytes may be
     */
    static ModelSession open(Path folder, Optional<DType> dtype, MemoryConfig memory) {
        Checkpoint checkpoint = Checkpoint.open(folder);
        try {
            ModelLayout layout = dtype.map(checkpoint::layout).orElseGet(checkpoint::layout);
            return new ModelSession(
                    checkpoint,
                    layout,
                    memory,
                    ledger(memory),
                    new CpuWorkers(Runtime.getRuntime().availableProcessors()));
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    ModelLayout layout() {
        return layout;
    }

    Ledger ledger() {
        return ledger;
    }

    int workers() {
        return workers.pool().workers();
    }

    SpanRecorder spans() {
        return spans;
    }

    /** Loads the weights for forwards that tune nothing. */
    DecoderForward startPlain(ScratchSize size) {
        plan(size, PassesPlan.plain(size), new BlockOrigin(checkpoint, layout, 0), false);
        return start(size, Optional.empty(), 1);
    }

    /**
     * Decides where everything lies; nothing is allocated yet.
     *
     * @param size the most that any forward asks for
     * @param directions how directions are run
     * @param origin where blocks come from
     * @param writesBack whether blocks change
     * @throws io.millrace.memory.BadInputException when a budget is too small
     */
    void plan(ScratchSize size, PassesPlan directions, BlockOrigin origin, boolean writesBack) {
        scratchPlan = ScratchPlan.of(checkpoint.spec(), size, workers());
        passesPlan = directions;
        long bytes = scratchPlan.bytes() + directions.bytes(layout);
        tiers = BlockTiers.plan(memory, ledger, origin, spans, bytes, writesBack);
    }

    /**
     * Takes the memory that was planned, and loads weights.
     *
     * @param size the size that was planned for
     * @param store where changed blocks may go
     * @param firstStep the step that comes first
     */
    DecoderForward start(ScratchSize size, Optional<StoreFolder> store, long firstStep) {
        passes = passesPlan.open(workers.pool(), layout, tiers.scratchMemory());
        scratch = new Scratch(tiers.scratchMemory(), checkpoint.spec(), size, scratchPlan);
        BlockFeed feed = tiers.start(store, firstStep);
        return new DecoderForward(checkpoint.spec(), layout, feed, scratch, passes, workers, spans);
    }

    /** Opens a checkpoint that this session closes. */
    Checkpoint openAlso(Path folder) {
        saved = Checkpoint.open(folder);
        return saved;
    }

    BlockTiers tiers() {
        return tiers;
    }

    CpuWorkers cpuWorkers() {
        return workers;
    }

    @Override
    public void close() {
        Checkpoint savedOrNull = saved;
        Scratch scratchOrNull = scratch;
        WeightPasses passesOrNull = passes;
        try (checkpoint;
                savedOrNull;
                workers;
                passesOrNull;
                scratchOrNull) {
            if (tiers != null) {
                tiers.close();
            }
        }
    }

    private static Ledger ledger(MemoryConfig memory) {
        Map<Tier, Long> budgets = new EnumMap<>(Tier.class);
        memory.hostBudget().ifPresent(bytes -> budgets.put(Tier.HOST, bytes));
        memory.deviceBudget().ifPresent(bytes -> budgets.put(Tier.DEVICE, bytes));
        memory.nvmeBudget().ifPresent(bytes -> budgets.put(Tier.NVME, bytes));
        return new Ledger(budgets);
    }
}
