package io.millrace.executor.place;

import io.millrace.executor.adapter.WireConfig;
import io.millrace.executor.companion.CompanionSource;
import io.millrace.executor.companion.GivenAdapter;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.RunLayout;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.memory.slice.SliceRing;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.StateFile;
import io.millrace.model.WeightScan;
import io.millrace.telemetry.SpanRecorder;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A checkpoint that is open, and what runs of it share: budgets, spans, an engine. It closes what
 * was opened and planned in it.
 */
public final class ModelSession implements AutoCloseable {
    private static final int WORKERS = Runtime.getRuntime().availableProcessors();

    private final Checkpoint checkpoint;
    private final Optional<WiredBase> wired; // what the checkpoint is a copy of
    private final RunLayout tuned;
    private final Optional<GivenAdapter> beside; // what is only read, or begun with
    private final MemoryConfig memory;
    private final Ledger ledger;
    private final SpanRecorder spans = new SpanRecorder();
    private final Engine engine;
    private final OwnedResources owned = new OwnedResources();
    private Optional<SliceRing> slices = Optional.empty();

    /**
     * A base that moves as a copy of fewer bits.
     *
     * @param base as it was published
     * @param scan of it
     * @param copy what moves
     */
    public record WiredBase(Checkpoint base, WeightScan scan, WireCopy copy)
            implements AutoCloseable {
        @Override
        public void close() {
            try (base) {
                copy.close();
            }
        }
    }

    private ModelSession(
            Checkpoint checkpoint,
            Optional<WiredBase> wired,
            RunLayout tuned,
            Optional<GivenAdapter> beside,
            MemoryConfig memory,
            Engine engine) {
        this.checkpoint = owned.own(checkpoint);
        this.wired = wired;
        wired.ifPresent(owned::own);
        this.tuned = tuned;
        this.beside = beside;
        beside.ifPresent(owned::own);
        this.memory = memory;
        ledger = ledger(memory);
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
        return open(
                folder,
                dtype,
                memory,
                base -> base.inPanels(memory.device().kind()).untuned(),
                Optional.empty());
    }

    /**
     * The same to be tuned.
     *
     * @param folder the Hugging Face folder
     * @param arithmetic says what is tuned, in which dtype, and what lies beside it
     * @param memory where bytes may be
     */
    public static ModelSession open(Path folder, ArithmeticConfig arithmetic, MemoryConfig memory) {
        return open(
                folder,
                arithmetic.dtype(),
                memory,
                base ->
                        RunLayout.of(
                                base,
                                arithmetic.trained(),
                                arithmetic.rule(),
                                arithmetic.participation()),
                Optional.empty());
    }

    /**
     * The same to be tuned by a run, which may have beside its blocks what it changes of them.
     *
     * @param folder the Hugging Face folder
     * @param arithmetic says what is tuned, in which dtype, and what lies beside it
     * @param memory where bytes may be
     * @param scanned the base, where it was scanned before
     * @param said hears what takes long
     */
    public static ModelSession openRun(
            Path folder,
            ArithmeticConfig arithmetic,
            MemoryConfig memory,
            Optional<WeightScan> scanned,
            Consumer<String> said) {
        Optional<GivenAdapter> begun =
                arithmetic.adapter().map(adapter -> GivenAdapter.open(adapter, folder));
        try {
            Function<RunLayout.Base, RunLayout> tuning =
                    base -> RunLayout.of(base, arithmetic, memory.device().kind());
            if (arithmetic.wire().isEmpty()) {
                return open(folder, arithmetic.dtype(), memory, tuning, begun);
            }
            WiredBase wired = wired(folder, arithmetic.wire().get(), memory, scanned, said);
            return open(
                    wired.copy.model(),
                    Optional.of(wired),
                    arithmetic.dtype(),
                    memory,
                    tuning,
                    begun);
        } catch (RuntimeException | Error e) {
            begun.ifPresent(GivenAdapter::close);
            throw e;
        }
    }

    private static WiredBase wired(
            Path folder,
            WireConfig wire,
            MemoryConfig memory,
            Optional<WeightScan> scanned,
            Consumer<String> said) {
        requirePlaces(memory);
        Checkpoint base = Checkpoint.open(folder);
        try {
            scanned.ifPresent(base::expect);
            WeightScan scan = scanned.orElseGet(base::scan);
            return new WiredBase(base, scan, WireCopy.open(base, scan, wire, memory, said));
        } catch (RuntimeException | Error e) {
            base.close();
            throw e;
        }
    }

    private static void requirePlaces(MemoryConfig memory) {
        memory.checkDeviceBudget(memory.device().kind().unifiedMemory());
        memory.nvmeDir().ifPresent(dir -> GivenPaths.requireFolder("--nvme-dir", dir));
    }

    /**
     * The same to be read, with an adapter beside it.
     *
     * @param folder the Hugging Face folder
     * @param adapter folder of the adapter, if there is one
     * @param memory where bytes may be
     * @throws io.millrace.memory.BadInputException when it is none of this model
     */
    public static ModelSession openWith(Path folder, Optional<Path> adapter, MemoryConfig memory) {
        if (adapter.isEmpty()) {
            return open(folder, Optional.empty(), memory);
        }
        GivenAdapter given = GivenAdapter.open(adapter.get(), folder);
        try {
            return open(
                    folder,
                    Optional.empty(),
                    memory,
                    base -> base.inPanels(memory.device().kind()).beside(given.program()),
                    Optional.of(given));
        } catch (RuntimeException | Error e) {
            given.close();
            throw e;
        }
    }

    private static ModelSession open(
            Path folder,
            Optional<DType> dtype,
            MemoryConfig memory,
            Function<RunLayout.Base, RunLayout> tuning,
            Optional<GivenAdapter> beside) {
        requirePlaces(memory);
        return open(Checkpoint.open(folder), Optional.empty(), dtype, memory, tuning, beside);
    }

    private static ModelSession open(
            Checkpoint checkpoint,
            Optional<WiredBase> wired,
            Optional<DType> dtype,
            MemoryConfig memory,
            Function<RunLayout.Base, RunLayout> tuning,
            Optional<GivenAdapter> beside) {
        IgnoredTensors.tell(checkpoint);
        try {
            ModelLayout layout = dtype.map(checkpoint::layout).orElseGet(checkpoint::layout);
            RunLayout tuned = tuning.apply(RunLayout.Base.of(checkpoint, layout));
            if (tuned.layout().stateBytes() > 0) {
                StateFile.requireNameIsFree(checkpoint);
            }
            Engine engine = Engines.of(memory.device().kind());
            return new ModelSession(checkpoint, wired, tuned, beside, memory, engine);
        } catch (RuntimeException | Error e) {
            try (checkpoint) {
                wired.ifPresent(WiredBase::close);
            }
            throw e;
        }
    }

    /** The model that moves. */
    public Checkpoint checkpoint() {
        return checkpoint;
    }

    /** The model that is tuned: what moves, or what that is a copy of. */
    public Checkpoint base() {
        return wired.map(WiredBase::base).orElse(checkpoint);
    }

    /** The base of a copy that moves; empty where the base itself does. */
    public Optional<WiredBase> wired() {
        return wired;
    }

    public ModelLayout layout() {
        return tuned.layout();
    }

    /** The model as it is tuned. */
    public RunLayout tuned() {
        return tuned;
    }

    /**
     * The adapter that a run begins with, or that is beside what is only read, if any was given.
     */
    public Optional<CompanionSource> givenBeside() {
        return beside.map(CompanionSource.class::cast);
    }

    public Ledger ledger() {
        return ledger;
    }

    /**
     * Where blocks come from before a run has taken a step.
     *
     * @param seed the run's, of which what it trains beside the blocks is drawn unless it was given
     */
    public BlockOrigin start(long seed) {
        if (layout().beside().isEmpty()) {
            return BlockOrigin.of(checkpoint, layout());
        }
        CompanionSource own =
                (companion, bytes) -> {
                    checkpoint.readBlock(companion, bytes);
                    return 0;
                };
        CompanionSource beside =
                layout().ownsBeside()
                        ? own
                        : givenBeside().orElseGet(() -> tuned.start(base(), seed));
        return BlockOrigin.of(checkpoint, layout(), beside);
    }

    /** What computes. */
    Engine engine() {
        return engine;
    }

    /** Where bytes may be. */
    MemoryConfig memory() {
        return memory;
    }

    /** Threads of the CPU that may compute. */
    public int workers() {
        return WORKERS;
    }

    public SpanRecorder spans() {
        return spans;
    }

    /** Takes something over that is closed with the session. */
    public <T extends AutoCloseable> T own(T resource) {
        return owned.own(resource);
    }

    /** Loads the weights for forwards that tune nothing. */
    public Forward startPlain(ScratchSize size) {
        BlockOrigin origin = new BlockOrigin(checkpoint, layout(), Optional.empty(), givenBeside());
        return plan(size, Arithmetic.PLAIN, origin, false).start(Optional.empty(), 1).forward();
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
    public PlannedModel plan(
            ScratchSize size, Arithmetic arithmetic, BlockOrigin origin, boolean writesBack) {
        return plan(size, arithmetic, origin, writesBack, Optional.empty());
    }

    /**
     * Has what is planned from here on read slices for other workers of this host; the session
     * closes the way to them.
     */
    public void share(SliceRing ring) {
        slices = Optional.of(own(ring));
    }

    private int sharers() {
        return slices.map(SliceRing::sharers).orElse(0);
    }

    /**
     * Plans forwards alone, wherever blocks lie.
     *
     * @param size the most that any forward asks for
     * @param arithmetic what is done to the weights
     * @param writesBack whether blocks change
     */
    public Engine.Plan forwards(ScratchSize size, Arithmetic arithmetic, boolean writesBack) {
        return engine.plan(tuned.program(), layout(), size, arithmetic, workers(), writesBack);
    }

    /** The plan itself, or the one that sets values aside on the drive where budgets ask for it. */
    private Engine.Plan fitting(Engine.Plan all, BlockOrigin origin, boolean writesBack) {
        Optional<Engine.Plan> spilling = all.spilling();
        if (spilling.isEmpty() || !memory.device().kind().unifiedMemory()) {
            return all;
        }
        TierPlan.Needs whole =
                PlannedTiers.needs(memory, origin, all.need(), writesBack, sharers());
        TierPlan.Needs less = whole.withForwards(spilling.get().need());
        TierPlan.Needs taken = TierPlan.fitting(whole, less, PlannedTiers.budgets(ledger));
        return taken.equals(less) ? spilling.get() : all;
    }

    /** The same, with a forecast that chooses what was left open. */
    public PlannedModel plan(
            ScratchSize size,
            Arithmetic arithmetic,
            BlockOrigin origin,
            boolean writesBack,
            Optional<PrefetchChooser> forecast) {
        Engine.Plan forwards = fitting(forwards(size, arithmetic, writesBack), origin, writesBack);
        MemoryConfig chosen =
                forecast.map(
                                chooser -> {
                                    TierPlan.Needs needs =
                                            PlannedTiers.needs(
                                                    memory,
                                                    origin,
                                                    forwards.need(),
                                                    writesBack,
                                                    sharers());
                                    return memory.withPrefetch(
                                            chooser.prefetch(needs, PlannedTiers.budgets(ledger)));
                                })
                        .orElse(memory);
        PlannedTiers tiers =
                PlannedTiers.plan(
                        chosen, ledger, origin, spans, forwards.need(), writesBack, slices);
        PlannedModel planned = owned.own(new PlannedModel(tiers, forwards, spans));
        forwards.require(tiers.device());
        return planned;
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
        Checkpoint saved = owned.own(Checkpoint.open(folder));
        Optional<StateFile> states =
                layout().stateBytes() > 0
                        ? Optional.of(owned.own(StateFile.open(folder, layout())))
                        : Optional.empty();
        // A build that cut blocks otherwise has left checksums of others.
        List<Integer> known = checksums.size() == layout().blocks().size() ? checksums : List.of();
        return new BlockOrigin.Saved(saved, states, foldedThrough, known);
    }

    @Override
    public void close() {
        owned.close();
    }

    private static Ledger ledger(MemoryConfig memory) {
        Map<Tier, Long> budgets = new EnumMap<>(Tier.class);
        memory.hostBudget().ifPresent(bytes -> budgets.put(Tier.HOST, bytes));
        memory.deviceBudget().ifPresent(bytes -> budgets.put(Tier.DEVICE, bytes));
        memory.nvmeBudget().ifPresent(bytes -> budgets.put(Tier.NVME, bytes));
        return new Ledger(budgets);
    }
}
