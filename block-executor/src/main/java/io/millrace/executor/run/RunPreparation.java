package io.millrace.executor.run;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.RecipeText;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.config.data.SliceSharing;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.objective.GreedyAnswers;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.place.PlannedModel;
import io.millrace.executor.place.PlannedTiers;
import io.millrace.executor.place.RunningModel;
import io.millrace.executor.place.StoreFolder;
import io.millrace.executor.place.StoreRecord;
import io.millrace.executor.place.StreamBuffers;
import io.millrace.executor.place.TunedFolder;
import io.millrace.executor.plan.RunForecast;
import io.millrace.executor.spread.JournalMeeting;
import io.millrace.executor.spread.SharedPlace;
import io.millrace.executor.spread.SliceMeeting;
import io.millrace.executor.spread.Workers;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.Tier;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.slice.RingShape;
import io.millrace.memory.slice.SliceRing;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.WeightScan;
import io.millrace.model.hub.HubId;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.task.PromptTask;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A run whose input is checked and whose folder is held, and of which nothing is written yet. It is
 * begun with a model, its own or one that it shares, or given up, which leaves its place as it was.
 */
public final class RunPreparation {
    private static final System.Logger LOG = System.getLogger(RunPreparation.class.getName());

    private final TuneConfig config;
    private final RunListener listener;
    private final Workers workers;
    private final ModelSession session;
    private final TrainingData data;
    private final Scoring scoring;
    private final ScratchSize size;
    private final Arithmetic folding;
    private final RunForecast forecast;
    private final WeightScan base;
    private final AtomicReference<RunHistory> begun = new AtomicReference<>();
    private RunFolder folder;
    private RunHistory.Past past;
    private BlockOrigin origin;
    private StoreFolder store;
    private boolean handedOver;

    /**
     * Checks everything, and takes the folder.
     *
     * @param config the run
     * @param heldOut examples to take from the training data for evaluations; 0 for those that the
     *     run names, if any
     * @param scanned the base's weights, where they were scanned before
     * @param listener knows the machine, and hears what was planned
     * @param workers who takes its steps
     * @throws BadInputException where anything of it is refused; nothing is held then
     */
    public static RunPreparation of(
            TuneConfig config,
            int heldOut,
            Optional<WeightScan> scanned,
            RunListener listener,
            Workers workers) {
        MemoryConfig memory = RunForecast.memory(config.memory());
        ModelSession session =
                ModelSession.openRun(
                        config.model(), config.arithmetic(), memory, scanned, listener::onPlan);
        RunPreparation made = null;
        try {
            made = new RunPreparation(config, heldOut, scanned, listener, session, memory, workers);
            made.takeFolder();
            return made;
        } catch (RuntimeException | Error e) {
            if (made != null) {
                made.giveUp(e);
            } else {
                try (session) {
                    throw e;
                }
            }
            throw e;
        }
    }

    private RunPreparation(
            TuneConfig config,
            int heldOut,
            Optional<WeightScan> scanned,
            RunListener listener,
            ModelSession session,
            MemoryConfig memory,
            Workers workers) {
        this.workers = workers;
        this.config = config;
        this.listener = listener;
        this.session = session;
        ArithmeticConfig arithmetic = config.arithmetic();
        Checkpoint checkpoint = session.base();
        ModelProgram program = session.tuned().program();
        TrainingData read = TrainingData.read(config.data(), config.model(), program);
        data = answering(heldOut > 0 ? read.holdingOut(heldOut) : read, program);
        scoring = session.own(scoring(config, data, program));
        requireGradient();
        size = size(config.data(), data, scoring, arithmetic);
        folding =
                Arithmetic.of(arithmetic)
                        .over(arithmetic.mask(), checkpoint, session.tuned(), arithmetic.seed());
        forecast =
                new RunForecast(
                        config,
                        memory,
                        listener.machine(memory.nvmeDir().orElse(config.output().out())),
                        session.tuned().program(),
                        session.layout(),
                        data.train().examples(),
                        scoring.sequencesEach());
        base =
                session.wired()
                        .map(ModelSession.WiredBase::scan)
                        .or(() -> scanned)
                        .orElseGet(checkpoint::scan);
        checkpoint.expect(base);
    }

    /** A loss among a few words has no way back. */
    private void requireGradient() {
        if (!config.arithmetic().isReplayable() && !scoring.hasGradient()) {
            throw new BadInputException(
                    config.data().train().toString(),
                    "is scored among label words in place, and "
                            + config.arithmetic().optimizer()
                            + " goes by the loss over all ids",
                    "give a method that needs forward passes alone, or a model with a head of"
                            + " labels");
        }
    }

    /** With what writes the answers that evaluations are to judge. */
    private TrainingData answering(TrainingData read, ModelProgram program) {
        if (read.eval() == null || !config.output().evalMetric().wantsAnswers()) {
            return read;
        }
        Path file = config.data().eval().orElse(config.data().train());
        return read.withAnswers(
                new GreedyAnswers(
                        read.eval(),
                        file,
                        session.own(Tokenizer.of(config.model())),
                        PromptTask.ANSWER_TOKENS,
                        program.maxPositions()));
    }

    private void takeFolder() {
        // Before the folder is made, which takes a page of a disk that is full.
        CheckpointWriter.checkWritable(config.output().out(), resultBytes());
        RunHeader header = RunHeader.of(config, base.fingerprint(), wire(), scoring);
        workers.meetings().identity(identity(header));
        boolean resumes = config.output().resume();
        folder =
                workers.leads()
                        ? RunFolder.open(config.output().out(), resumes)
                        : RunFolder.openCopy(config.output().out(), resumes);
        JournalMeeting.hold(workers, folder.journal(), resumes);
        past = RunHistory.read(config, folder, session.layout(), header);
        origin = RunOrigin.of(config, session, past);
    }

    /** What all workers must have alike: what decides bytes, and what decides how they go on. */
    private Map<String, Object> identity(RunHeader header) {
        Map<String, Object> fields = header.allFields();
        fields.put(OutputConfig.RESUME.name(), config.output().resume());
        fields.put(OutputConfig.EVAL_EVERY.name(), config.output().evalEvery());
        fields.put(Parallel.OPTION.name(), config.parallel().label());
        fields.put(SliceSharing.OPTION.name(), config.slices().label());
        fields.put("workers", workers.size());
        return fields;
    }

    /** What the folder gets in the end: of several workers, one saves the model. */
    private long resultBytes() {
        return workers.leads() ? TunedFolder.resultBytes(session.layout()) : 0;
    }

    /** What tells the copy that moves from others. */
    private Optional<String> wire() {
        return session.wired().map(wired -> wired.copy().fingerprint());
    }

    public TuneConfig config() {
        return config;
    }

    public ModelSession session() {
        return session;
    }

    /** What was found of the base's weights. */
    public WeightScan base() {
        return base;
    }

    /** Where its blocks come from, and what is beside them. */
    public BlockOrigin origin() {
        return origin;
    }

    /** Chooses what was left open, for this run alone. */
    public RunForecast forecast() {
        return forecast;
    }

    /** What its forwards need. */
    public Engine.Plan forwards() {
        return session.forwards(size, folding, writesBack());
    }

    /** Host memory that ending the run takes while its model is still there. */
    public long endBytes() {
        return !config.output().keep().isBest() ? 0 : Replay.hostBytes(session.layout(), folding);
    }

    /** The step that comes first. */
    public long firstStep() {
        return past.lastStep() + 1;
    }

    private boolean writesBack() {
        return session.layout().beside().isEmpty();
    }

    /**
     * Begins the run with a model of its own; a failure gives the preparation up.
     *
     * @throws BadInputException where a budget is too small
     */
    RunSetup begin() {
        try {
            PlannedModel planned = planWithOthers();
            require(planned.tiers());
            workers.meetings().ready();
            store = store();
            RunningModel model =
                    planned.start(
                            writesBack() ? Optional.of(store) : Optional.empty(), firstStep());
            session.wired().ifPresent(wired -> listener.onPlan(wired.copy().describe()));
            forecast.describe(planned.tiers().tierPlan()).ifPresent(listener::onPlan);
            return begin(model);
        } catch (RuntimeException | Error e) {
            giveUp(e);
            throw e;
        }
    }

    /** Where workers of this host read for each other, room is left for what they share. */
    private PlannedModel planWithOthers() {
        PlannedModel alone = plan();
        Optional<SliceRing> ring;
        try {
            ring = meetSharers(alone.tiers());
        } catch (RuntimeException | Error e) {
            alone.close();
            throw e;
        }
        if (ring.isEmpty()) {
            return alone;
        }
        session.share(ring.get());
        alone.close();
        return plan();
    }

    private Optional<SliceRing> meetSharers(PlannedTiers tiers) {
        IoOptions options = IoOptions.beside(session.ledger().budget(Tier.HOST));
        SliceSharing wanted = config.slices();
        boolean can =
                !workers.isAlone()
                        && wanted != SliceSharing.OFF
                        && tiers.canShare(
                                Math.min(workers.size(), RingShape.MOST_MEMBERS),
                                wanted == SliceSharing.ON);
        return new SliceMeeting(
                        workers,
                        wanted,
                        session.ledger(),
                        sharers -> StreamBuffers.ring(sharers, options))
                .hold(can ? SharedPlace.of(read(tiers), options.pieceBytes()) : "");
    }

    private PlannedModel plan() {
        return session.plan(size, folding, origin, writesBack(), Optional.of(forecast));
    }

    /** Folders that blocks are read from. */
    private List<Path> read(PlannedTiers tiers) {
        List<Path> folders = new ArrayList<>();
        if (tiers.tierPlan().needs().buffers().direct()) {
            folders.add(session.checkpoint().tensors().values().iterator().next().file());
        }
        if (writesBack()) {
            folders.add(folder.store(config.memory().nvmeDir()));
        }
        return folders;
    }

    /**
     * Refuses what the run could not end in.
     *
     * @param tiers where its blocks are to be
     * @throws BadInputException where memory or a disk has no room
     */
    public void require(PlannedTiers tiers) {
        if (workers.leads()) {
            KeptModel.requireRoom(config.output().keep(), session, folding);
        }
        checkRoom(tiers);
    }

    /**
     * Begins the run on a model that is there. Everything that can refuse has done so: only now is
     * anything written.
     */
    public RunSetup begin(RunningModel model) {
        folder.removeLeftovers(line -> LOG.log(Level.INFO, line));
        RunHistory history = RunHistory.begin(past, folder, workers);
        begun.set(history);
        Map<String, Object> runFile = runFile(config, base.fingerprint(), session);
        folder.writeRunFile(goingOn(runFile, config));
        folder.writeRecipe(RecipeText.of(config));
        ArithmeticConfig arithmetic = config.arithmetic();
        arithmetic.mask().file().ifPresent(folder::keepMask);
        RunSaves saves =
                new RunSaves(config, session, model, folder, history, base.fingerprint(), runFile);
        arithmetic.rule().warning().ifPresent(line -> LOG.log(Level.WARNING, line));
        RoundedAway.line(arithmetic, session.layout().tuned())
                .ifPresent(line -> LOG.log(Level.WARNING, line));
        saves.begin();
        RunSetup setup =
                new RunSetup(config, session, data, scoring, folder, history, model, saves);
        handedOver = true;
        return setup;
    }

    /**
     * Closes what was taken, and leaves the place of a run that did not begin as it was; nothing
     * where the run has begun, which is then its owner's to close.
     */
    public void giveUp(Throwable cause) {
        if (handedOver) {
            return;
        }
        RunHistory history = begun.get();
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

    /** A full disk is better met now than in mid-run. A run that goes on has its store already. */
    private void checkRoom(PlannedTiers tiers) {
        Path out = config.output().out();
        long store = config.output().resume() ? 0 : tiers.storeBytes();
        Optional<Path> nvmeDir = config.memory().nvmeDir();
        if (nvmeDir.isPresent() && tiers.storeBytes() > 0) {
            CheckpointWriter.checkWritable(nvmeDir.get(), store);
            store = 0;
        }
        CheckpointWriter.checkWritable(out, savedBytes(tiers) + store);
    }

    /** A model has no states; the checkpoints that were asked for have them, without a store. */
    private long savedBytes(PlannedTiers tiers) {
        boolean checkpoints =
                config.output().checkpointEvery().orElse(0) > 0 && tiers.storeBytes() == 0;
        long states = checkpoints ? session.layout().tuned().stateBytes() : 0;
        long model = checkpoints ? TunedFolder.resultBytes(session.layout()) : resultBytes();
        return model + states;
    }

    private static Map<String, Object> runFile(
            TuneConfig config, String fingerprint, ModelSession session) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("options", options(config));
        fields.put("base", fingerprint);
        session.wired().ifPresent(wired -> fields.put("wire", wired.copy().summary()));
        fields.put("java", Runtime.version().toString());
        fields.put("machine", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return fields;
    }

    /** As they were told, but for a model of a hub: its id and commit are the same everywhere. */
    private static Map<String, Object> options(TuneConfig config) {
        Map<String, Object> options = new LinkedHashMap<>(config.options());
        HubId.ofSnapshot(config.model())
                .ifPresent(id -> options.put(TuneConfig.MODEL.name(), id.toString()));
        return options;
    }

    /** What the folder's model is of stays true until another is saved. */
    private static Map<String, Object> goingOn(Map<String, Object> runFile, TuneConfig config) {
        Map<String, Object> fields = new LinkedHashMap<>(runFile);
        if (config.output().resume()) {
            FinishedRun.of(config.output().out()).ifPresent(end -> end.addTo(fields));
        }
        return fields;
    }

    private StoreFolder store() {
        StoreRecord record = new StoreRecord(folder.folder());
        record.removeOthers();
        Path path = folder.store(config.memory().nvmeDir());
        if (!config.arithmetic().isReplayable()) {
            // Its blocks may be of several steps, and nothing carries them on.
            StoreFolder anew =
                    new StoreFolder(
                            path,
                            record.find(),
                            past.fingerprint(),
                            past.lastStep(),
                            record,
                            _ -> {});
            anew.remove();
            return new StoreFolder(
                    path, Optional.empty(), past.fingerprint(), Long.MAX_VALUE, record, _ -> {});
        }
        return new StoreFolder(
                path,
                config.output().resume() ? record.find() : Optional.empty(),
                past.fingerprint(),
                past.lastStep(),
                record,
                step -> begun.get().requireDurable(step));
    }

    static Scoring scoring(TuneConfig config, TrainingData data, ModelProgram program) {
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
}
