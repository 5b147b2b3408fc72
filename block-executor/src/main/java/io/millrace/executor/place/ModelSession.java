package io.millrace.executor.place;

import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.RuleStates;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.StateFile;
import io.millrace.optim.update.UpdateRule;
import io.millrace.telemetry.SpanRecorder;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A checkpoint that is ready to run on a device: its weights where the budgets allow, the workers,
 * and the memory that forwards need.
 */
public final class ModelSession implements AutoCloseable {
    private static final int WORKERS = Runtime.getRuntime().availableProcessors();

    private final Checkpoint checkpoint;
    private final ModelLayout layout;
    private MemoryConfig memory;
    private final Ledger ledger;
    private final SpanRecorder spans = new SpanRecorder();
    private final Engine engine;
    private BlockTiers tiers;
    private Checkpoint saved;
    private StateFile savedStates;
    private Forward forward;
    private WatchedFeed feed;

    private ModelSession(
            Checkpoint checkpoint,
            ModelLayout layout,
            MemoryConfig memory,
            Ledger ledger,
            Engine engine) {
        this.checkpoint = checkpoint;
        this.layout = layout;
        this.memory = memory;
        this.ledger = ledger;
        this.engine = engine;
    }

    /**
     * Opens a model folder and checks it; weights are not loaded yet.
     *
     * @param folder the Hugging Face folder
     * @param dtype what to store weights in, the checkpoint's own dtypes where empty
     * @param memory where bytes may be
     */
    public static ModelSession open(Path folder, Optional<DType> dtype, MemoryConfig memory) {
        return open(folder, dtype, memory, UnaryOperator.identity());
    }

    /**
     * The same to be tuned.
     *
     * @param folder the Hugging Face folder
     * @param dtype what to store weights in, the checkpoint's own dtypes where empty
     * @param memory where bytes may be
     * @param rule of the run, whose states lie beside the weights
     */
    public static ModelSession open(
            Path folder, Optional<DType> dtype, MemoryConfig memory, UpdateRule rule) {
        return open(folder, dtype, memory, layout -> RuleStates.beside(layout, rule));
    }

    private static ModelSession open(
            Path folder,
            Optional<DType> dtype,
            MemoryConfig memory,
            UnaryOperator<ModelLayout> states) {
        Engine engine = Engines.of(memory.device().kind());
        memory.checkDeviceBudget(memory.device().kind().unifiedMemory());
        memory.nvmeDir().ifPresent(dir -> GivenPaths.requireFolder("--nvme-dir", dir));
        Checkpoint checkpoint = Checkpoint.open(folder);
        IgnoredTensors.tell(checkpoint);
        try {
            ModelLayout layout =
                    states.apply(dtype.map(checkpoint::layout).orElseGet(checkpoint::layout));
            if (layout.stateBytes() > 0) {
                StateFile.requireNameIsFree(checkpoint);
            }
            return new ModelSession(checkpoint, layout, memory, ledger(memory), engine);
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    public ModelLayout layout() {
        return layout;
    }

    public Ledger ledger() {
        return ledger;
    }

    /** Threads of the CPU that may compute. */
    public int workers() {
        return WORKERS;
    }

    /** Worker-seconds so far by the name of each operator; empty where no CPU computes. */
    public Map<String, Double> operatorSeconds() {
        return engine.operatorSeconds();
    }

    public SpanRecorder spans() {
        return spans;
    }

    /** Loads the weights for forwards that tune nothing. */
    public Forward startPlain(ScratchSize size) {
        plan(size, Arithmetic.PLAIN, BlockOrigin.of(checkpoint, layout), false);
        return start(size, Arithmetic.PLAIN, Optional.empty(), 1);
    }

    /**
     * Decides where everything lies; nothing is allocated yet.
     *
     * @param size the most that any forward asks for
     * @param arithmetic what is done to the weights
     * @param origin where blocks come from
     * @param writesBack whether blocks change
     * @throws io.millrace.memory.BadInputException when a budget is too small
     */
    public void plan(
            ScratchSize size, Arithmetic arithmetic, BlockOrigin origin, boolean writesBack) {
        plan(size, arithmetic, origin, writesBack, Optional.empty());
    }

    /** The same, with a forecast that chooses what was left open. */
    public void plan(
            ScratchSize size,
            Arithmetic arithmetic,
            BlockOrigin origin,
            boolean writesBack,
            Optional<PrefetchChooser> forecast) {
        Engine.Need need =
                engine.plan(checkpoint.spec(), layout, size, arithmetic, workers(), writesBack);
        forecast.ifPresent(chooser -> {
            boolean unified = memory.device().kind().unifiedMemory();
            TierPlan.Needs needs = BlockTiers.needs(memory, origin, unified, need, writesBack);
            memory = memory.withPrefetch(chooser.prefetch(needs, BlockTiers.budgets(ledger)));
        });
        tiers = BlockTiers.plan(memory, ledger, origin, spans, need, writesBack);
        engine.require(tiers.device());
    }

    /**
     * Takes the memory that was planned, and loads weights.
     *
     * @param size the size that was planned for
     * @param arithmetic what is done to the weights
     * @param store where changed blocks may go
     * @param firstStep the step that comes first
     */
    public Forward start(
            ScratchSize size, Arithmetic arithmetic, Optional<StoreFolder> store, long firstStep) {
        feed = new WatchedFeed(tiers.start(store, firstStep));
        forward =
                engine.start(
                        new Engine.Place(
                                tiers.device(),
                                tiers.scratchMemory(),
                                tiers.hostMemory(),
                                checkpoint.spec(),
                                layout,
                                feed,
                                size,
                                arithmetic,
                                spans));
        return forward;
    }

    /** Says who is told before each visit to a block; called after {@link #start}. */
    public void watchVisits(Runnable watcher) {
        feed.watch(watcher);
    }

    /**
     * Opens a checkpoint of the run, which this session closes.
     *
     * @param folder of the checkpoint
     * @param foldedThrough the last step that it holds
     * @param checksums CRC-32C of each block; empty where none were kept
     * @throws io.millrace.memory.BadInputException when it cannot be read
     */
    public BlockOrigin.Saved openSaved(Path folder, long foldedThrough, List<Integer> checksums) {
        saved = Checkpoint.open(folder);
        if (layout.stateBytes() > 0) {
            savedStates = StateFile.open(folder, layout);
        }
        return new BlockOrigin.Saved(
                saved, Optional.ofNullable(savedStates), foldedThrough, checksums);
    }

    public BlockTiers tiers() {
        return tiers;
    }

    /** Has closing remove the store of changed blocks, if there is one by then. */
    public void discardStore() {
        if (tiers != null) {
            tiers.discardStore();
        }
    }

    /** Gives up the weights and all memory that forwards took; the base stays open. */
    public void end() {
        BlockTiers tiersOrNull = tiers;
        Forward forwardOrNull = forward;
        tiers = null;
        forward = null;
        try (tiersOrNull;
                forwardOrNull) {
            // In this order, last first: nothing computes any more when blocks are given up.
        }
    }

    @Override
    public void close() {
        Checkpoint savedOrNull = saved;
        StateFile savedStatesOrNull = savedStates;
        try (checkpoint;
                savedOrNull;
                savedStatesOrNull;
                engine) {
            end();
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
