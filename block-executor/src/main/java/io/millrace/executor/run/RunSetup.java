package io.millrace.executor.run;

import io.millrace.executor.companion.CompanionSource;
import io.millrace.executor.companion.SavedCompanions;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.place.PlannedModel;
import io.millrace.executor.place.PlannedTiers;
import io.millrace.executor.place.RunningModel;
import io.millrace.executor.place.StoreFolder;
import io.millrace.executor.place.StoreRecord;
import io.millrace.executor.plan.RunForecast;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.RunLayout;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.StepRunner;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Matmul;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.WeightScan;
import io.millrace.model.adapter.AdapterTensors;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.BatchSampler;
import io.millrace.model.text.Shuffle;
import io.millrace.optim.random.SeededShuffle;
import io.millrace.optim.update.UpdateRule;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What a run needs before its first step. Everything that can be refused is refused before anything
 * is written, and a run that does not begin leaves its place as it was.
 */
public final class RunSetup implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(RunSetup.class.getName());

    private final TuneConfig config;
    private final ModelSession session;
    private final TrainingData data;
    private final Scoring scoring;
    private final RunFolder folder;
    private final RunHistory history;
    private final RunningModel model;
    private final RunSaves saves;

    private RunSetup(
            TuneConfig config,
            ModelSession session,
            TrainingData data,
            Scoring scoring,
            RunFolder folder,
            RunHistory history,
            RunningModel model,
            RunSaves saves) {
        this.config = config;
        this.session = session;
        this.data = data;
        this.scoring = scoring;
        this.folder = folder;
        this.history = history;
        this.model = model;
        this.saves = saves;
    }

    /**
     * Checks everything, takes the folder, loads the weights.
     *
     * @param config the run
     * @param heldOut examples to take from the training data for evaluations; 0 for those that the
     *     run names, if any
     * @param listener knows the machine, and hears what was planned
     */
    public static RunSetup prepare(TuneConfig config, int heldOut, RunListener listener) {
        return prepare(config, heldOut, Optional.empty(), listener);
    }

    /** The same, for base weights that may have been scanned before. */
    public static RunSetup prepare(
            TuneConfig config, int heldOut, Optional<WeightScan> scanned, RunListener listener) {
        ArithmeticConfig arithmetic = config.arithmetic();
        MemoryConfig memory = RunForecast.memory(config.memory());
        ModelSession session = ModelSession.open(config.model(), arithmetic, memory);
        RunFolder folder = null;
        RunHistory history = null;
        StoreFolder store = null;
        try {
            Checkpoint base = session.checkpoint();
            ModelProgram program = session.tuned().program();
            TrainingData read = TrainingData.read(config.data(), config.model(), program);
            TrainingData data = heldOut > 0 ? read.holdingOut(heldOut) : read;
            Scoring scoring = session.own(scoring(config, data, program));
            ScratchSize size = size(config.data(), data, scoring, arithmetic);
            Arithmetic folding =
                    Arithmetic.of(arithmetic)
                            .over(arithmetic.mask(), base, session.tuned(), arithmetic.seed());
            RunForecast forecast =
                    new RunForecast(
                            config,
                            memory,
                            listener.machine(memory.nvmeDir().orElse(config.output().out())),
                            session.tuned().program(),
                            session.layout(),
                            data.train().examples(),
                            scoring.sequencesEach());
            scanned.ifPresent(base::expect);
            String fingerprint = scanned.orElseGet(base::scan).fingerprint();
            // Before the folder is made, which takes a page of a disk that is full.
            CheckpointWriter.checkWritable(
                    config.output().out(), session.layout().tuned().weightBytes());
            folder = RunFolder.open(config.output().out(), config.output().resume());
            RunHistory.Past past =
                    RunHistory.read(
                            config,
                            folder,
                            session.layout(),
                            RunHeader.of(config, fingerprint, scoring));
            BlockOrigin origin = origin(config, session, past);
            boolean writesBack = session.layout().beside().isEmpty();
            PlannedModel planned =
                    session.plan(size, folding, origin, writesBack, Optional.of(forecast));
            KeptModel.requireRoom(config.output().keep(), session, folding);
            checkRoom(config, session.layout().tuned(), planned.tiers());
            AtomicReference<RunHistory> begun = new AtomicReference<>();
            store = store(config, folder, past, begun);
            RunningModel model =
                    planned.start(
                            writesBack ? Optional.of(store) : Optional.empty(),
                            past.lastStep() + 1);
            // Everything that can refuse has done so: only now is anything written.
            folder.removeLeftovers(line -> LOG.log(Level.INFO, line));
            history = RunHistory.begin(past, folder);
            begun.set(history);
            Map<String, Object> runFile = runFile(config, fingerprint);
            folder.writeRunFile(goingOn(runFile, config));
            arithmetic.mask().file().ifPresent(folder::keepMask);
            forecast.describe(planned.tiers().tierPlan()).ifPresent(listener::onPlan);
            RunSaves saves =
                    new RunSaves(
                            config.output(),
                            arithmetic.foldEvery(),
                            session,
                            model,
                            folder,
                            history,
                            fingerprint,
                            runFile);
            arithmetic.rule().warning().ifPresent(line -> LOG.log(Level.WARNING, line));
            LostDecay.line(arithmetic, session.layout().tuned())
                    .ifPresent(line -> LOG.log(Level.WARNING, line));
            saves.begin();
            return new RunSetup(config, session, data, scoring, folder, history, model, saves);
        } catch (RuntimeException | Error e) {
            giveUp(config, history, folder, store, session, e);
            throw e;
        }
    }

    /** A full disk is better met now than in mid-run. A run that goes on has its store already. */
    private static void checkRoom(TuneConfig config, ModelLayout layout, PlannedTiers tiers) {
        Path out = config.output().out();
        long store = config.output().resume() ? 0 : tiers.storeBytes();
        Optional<Path> nvmeDir = config.memory().nvmeDir();
        if (nvmeDir.isPresent() && tiers.storeBytes() > 0) {
            CheckpointWriter.checkWritable(nvmeDir.get(), store);
            store = 0;
        }
        CheckpointWriter.checkWritable(out, savedBytes(config, layout, tiers) + store);
    }

    /** A model has no states; the checkpoints that were asked for have them, without a store. */
    private static long savedBytes(TuneConfig config, ModelLayout layout, PlannedTiers tiers) {
        boolean checkpoints =
                config.output().checkpointEvery().orElse(0) > 0 && tiers.storeBytes() == 0;
        return checkpoints ? layout.sizeBytes() : layout.weightBytes();
    }

    private static Map<String, Object> runFile(TuneConfig config, String fingerprint) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("options", config.options());
        fields.put("base", fingerprint);
        fields.put("java", Runtime.version().toString());
        fields.put("machine", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return fields;
    }

    /**
     * Holds a run's input and options to the journal that its folder has.
     *
     * @throws io.millrace.memory.BadInputException where they differ
     */
    static void requireSameRun(TuneConfig config) {
        try (Checkpoint base = Checkpoint.open(config.model());
                RunFolder folder = RunFolder.open(config.output().out(), true)) {
            ArithmeticConfig arithmetic = config.arithmetic();
            ModelProgram program =
                    RunLayout.of(
                                    RunLayout.Base.of(base, base.layout()),
                                    arithmetic.trained(),
                                    arithmetic.rule(),
                                    arithmetic.participation())
                            .program();
            TrainingData data = TrainingData.read(config.data(), config.model(), program);
            String fingerprint = base.scan().fingerprint();
            try (Scoring scoring = scoring(config, data, program)) {
                RunHeader header = RunHeader.of(config, fingerprint, scoring);
                RunHistory.read(config, folder, base.layout(), header);
            }
        }
    }

    /** What the folder's model is of stays true until another is saved. */
    private static Map<String, Object> goingOn(Map<String, Object> runFile, TuneConfig config) {
        Map<String, Object> fields = new LinkedHashMap<>(runFile);
        if (config.output().resume()) {
            FinishedRun.of(config.output().out()).ifPresent(end -> end.addTo(fields));
        }
        return fields;
    }

    /** Closes what was taken, and leaves the place of a run that did not begin as it was. */
    private static void giveUp(
            TuneConfig config,
            RunHistory history,
            RunFolder folder,
            StoreFolder store,
            ModelSession session,
            Throwable cause) {
        boolean begins = history == null && !config.output().resume();
        // The folder is another run's to take only once the blocks are closed.
        try (AutoCloseable _ = () -> leave(folder, begins);
                AutoCloseable _ = begins && store != null ? store::remove : null;
                history;
                session) {
            // Closed in the reverse of this order; what is null was not reached.
        } catch (Exception e) {
            cause.addSuppressed(e);
        }
    }

    private static void leave(RunFolder folder, boolean begins) {
        if (folder != null && begins) {
            folder.abandon();
        } else if (folder != null) {
            folder.close();
        }
    }

    /** The newest weights that a run which goes on has saved, in front of the base. */
    private static BlockOrigin origin(
            TuneConfig config, ModelSession session, RunHistory.Past past) {
        Optional<RunCheckpoints.Saved> newest = Optional.empty();
        if (config.output().resume()) {
            newest = new RunCheckpoints(config.output().out()).newest();
            newest.ifPresent(saved -> saved.require(past.fingerprint(), past.lastStep()));
            // A saved model has no states.
            newest =
                    session.layout().tuned().stateBytes() > 0
                            ? newest
                            : newest.or(() -> finished(config, past));
        }
        if (session.tuned().adapter().isPresent()) {
            return besideOrigin(config, session, newest);
        }
        Optional<BlockOrigin.Saved> saved =
                newest.map(found ->
                        session.openSaved(found.path(), found.foldedThrough(), found.checksums()));
        return new BlockOrigin(session.checkpoint(), session.layout(), saved);
    }

    /**
     * Of a run that only reads its base: what it trains begins anew, or where it was saved last.
     */
    private static BlockOrigin besideOrigin(
            TuneConfig config, ModelSession session, Optional<RunCheckpoints.Saved> newest) {
        CompanionSource start =
                session.tuned().start(session.checkpoint(), config.arithmetic().seed());
        CompanionSource beside =
                newest.<CompanionSource>map(found ->
                                session.own(
                                        SavedCompanions.open(
                                                found.path(),
                                                session.layout().tuned(),
                                                new AdapterTensors(
                                                        session.tuned().adapter().orElseThrow()
                                                                ::place),
                                                new SavedCompanions.Version(
                                                        found.foldedThrough(), found.checksums()),
                                                start)))
                        .orElse(start);
        return BlockOrigin.of(session.checkpoint(), session.layout(), beside);
    }

    /** The model of a run that has more steps to do now, where no fold was out of turn. */
    private static Optional<RunCheckpoints.Saved> finished(
            TuneConfig config, RunHistory.Past past) {
        Path out = config.output().out();
        return FinishedRun.of(out)
                .map(FinishedRun::keptStep)
                .filter(step -> step <= past.lastStep())
                .filter(step -> step % config.arithmetic().foldEvery() == 0)
                .map(step -> new RunCheckpoints.Saved(out, step, List.of(), Optional.empty()));
    }

    private static StoreFolder store(
            TuneConfig config,
            RunFolder folder,
            RunHistory.Past past,
            AtomicReference<RunHistory> begun) {
        StoreRecord record = new StoreRecord(folder.folder());
        record.removeOthers();
        Path path = folder.store(config.memory().nvmeDir());
        return new StoreFolder(
                path,
                config.output().resume() ? record.find() : Optional.empty(),
                past.fingerprint(),
                past.lastStep(),
                record,
                step -> begun.get().requireDurable(step));
    }

    private static Scoring scoring(TuneConfig config, TrainingData data, ModelProgram program) {
        return Scoring.of(
                config.arithmetic().objective(),
                data.train(),
                config.data().microBatch(),
                new Scoring.Place(config.data().train(), config.model(), program.maxPositions()));
    }

    private static ScratchSize size(
            DataConfig config, TrainingData data, Scoring scoring, ArithmeticConfig arithmetic) {
        int apart =
                arithmetic
                        .estimator()
                        .anchors()
                        .map(anchors -> Math.min(anchors.rows(), scoring.examples()))
                        .orElse(0);
        return Scoring.size(
                arithmetic.objective(),
                Scoring.sequences(Math.max(config.batchSize(), apart), scoring.sequencesEach()),
                Scoring.sequences(config.microBatch(), scoring.sequencesEach()),
                Math.max(data.maxLength(), scoring.longest()),
                arithmetic.estimator().questions());
    }

    public ModelSession session() {
        return session;
    }

    public RunningModel model() {
        return model;
    }

    public TrainingData data() {
        return data;
    }

    RunFolder folder() {
        return folder;
    }

    public RunHistory history() {
        return history;
    }

    public RunSaves saves() {
        return saves;
    }

    /** What each step is given. */
    public StepInputs inputs() {
        return new StepInputs(
                config.arithmetic(), scoring, sampler(), config.data().batchSize(), history);
    }

    private BatchSampler sampler() {
        long seed = config.arithmetic().seed();
        Shuffle shuffle =
                config.data().shuffle()
                        ? (n, epoch) -> SeededShuffle.permutation(n, seed, epoch)
                        : Shuffle.NONE;
        return new BatchSampler(scoring.examples(), config.data().batchSize(), shuffle);
    }

    public StepRunner runner() {
        ArithmeticConfig arithmetic = config.arithmetic();
        UpdateRule rule = arithmetic.rule();
        return new StepRunner(
                model.forward(),
                arithmetic.estimator(),
                new StepRunner.StepOptions(
                        arithmetic.seed(),
                        step -> rule.eps(step, arithmetic.eps()),
                        arithmetic.weightDecay()));
    }

    public Evaluator evaluator() {
        return new Evaluator(model.forward(), config.data().microBatch());
    }

    /** The run in one line. */
    public String describe() {
        ModelLayout layout = session.layout();
        Matmul matmul = config.arithmetic().matmul();
        long states = layout.tuned().stateBytes();
        String beside =
                layout.beside()
                        .map(adapter ->
                                String.format(
                                        "; an adapter of %,d beside them (%s",
                                        adapter.elementCount(),
                                        ByteSize.format(adapter.weightBytes())))
                        .orElse("");
        return String.format(
                "%s, %,d parameters (%s%s%s); %s z, %s%s; batch %d; %s, %d workers",
                session.checkpoint().program().modelType(),
                layout.elementCount(),
                ByteSize.format(layout.weightBytes()),
                beside.isEmpty() ? "" : ")" + beside,
                states == 0 ? "" : ", and " + ByteSize.format(states) + " of states",
                config.arithmetic().perturbation(),
                config.arithmetic().optimizer(),
                matmul == Matmul.NATIVE ? "" : ", " + matmul.id() + " products",
                config.data().batchSize(),
                model.tiers().describe(),
                session.workers());
    }

    @Override
    public void close() {
        // The folder is another run's to take only once the blocks are closed.
        try (folder;
                history;
                session) {
            // Closed in the reverse of this order.
        }
    }
}
