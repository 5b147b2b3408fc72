package io.millrace.executor;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Matmul;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.text.BatchSampler;
import io.millrace.model.text.Shuffle;
import io.millrace.optim.Estimator;
import io.millrace.optim.JournalReader;
import io.millrace.optim.LrSchedule;
import io.millrace.optim.Schedules;
import io.millrace.optim.SeededShuffle;
import io.millrace.optim.TwoSidedEstimator;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a run needs before its first step. Everything that can be refused is refused before the
 * output folder is touched.
 */
final class RunSetup implements AutoCloseable {
    private final TuneConfig config;
    private final ModelSession session;
    private final TrainingData data;
    private final RunFolder folder;
    private final RunHistory history;
    private final Forward forward;
    private final Estimator estimator;
    private final LrSchedule schedule;

    private RunSetup(
            TuneConfig config,
            ModelSession session,
            TrainingData data,
            RunFolder folder,
            RunHistory history,
            Forward forward,
            Estimator estimator,
            LrSchedule schedule) {
        this.config = config;
        this.session = session;
        this.data = data;
        this.folder = folder;
        this.history = history;
        this.forward = forward;
        this.estimator = estimator;
        this.schedule = schedule;
    }

    /**
     * Checks everything, takes the folder, loads the weights.
     *
     * @param config the run
     * @param heldOut examples to take from the training data for evaluations; 0 for those that the
     *     run names, if any
     * @param listener knows the machine, and hears what was planned
     */
    static RunSetup prepare(TuneConfig config, int heldOut, RunListener listener) {
        ArithmeticConfig arithmetic = config.arithmetic();
        LrSchedule schedule =
                Schedules.named(arithmetic.schedule(), arithmetic.lr(), arithmetic.warmup());
        Estimator estimator = new TwoSidedEstimator(arithmetic.queries());
        MemoryConfig memory = RunForecast.memory(config.memory());
        ModelSession session = ModelSession.open(config.model(), arithmetic.dtype(), memory);
        RunFolder folder = null;
        RunHistory history = null;
        try {
            Checkpoint base = session.checkpoint();
            TrainingData read = TrainingData.read(config.data(), config.model(), base.spec());
            TrainingData data = heldOut > 0 ? read.holdingOut(heldOut) : read;
            ScratchSize size = size(config.data(), data, arithmetic);
            Arithmetic folding = arithmetic(arithmetic);
            RunForecast forecast =
                    new RunForecast(
                            config,
                            memory,
                            listener.machine(memory.nvmeDir().orElse(config.output().out())),
                            base.spec(),
                            session.layout(),
                            data.train().examples());
            session.plan(size, folding, origin(config, session), true, Optional.of(forecast));
            KeptModel.requireRoom(config.output().keep(), session, folding);
            String fingerprint = base.scan().fingerprint();
            checkRoom(config, session);
            folder = RunFolder.open(config.output().out(), config.output().resume());
            history =
                    RunHistory.open(
                            config, folder, RunHeader.of(config, fingerprint, data.train()));
            folder.writeRunFile(runFile(config, fingerprint));
            Forward forward = start(config, session, folding, size, folder, history);
            forecast.describe(session.tiers().tierPlan()).ifPresent(listener::onPlan);
            return new RunSetup(
                    config, session, data, folder, history, forward, estimator, schedule);
        } catch (RuntimeException | Error e) {
            closeAll(history, folder, session, e);
            throw e;
        }
    }

    /** A full disk is better met now than in mid-run. A run that goes on has its store already. */
    private static void checkRoom(TuneConfig config, ModelSession session) {
        Path out = config.output().out();
        long store = config.output().resume() ? 0 : session.tiers().storeBytes();
        Optional<Path> nvmeDir = config.memory().nvmeDir();
        if (nvmeDir.isPresent() && session.tiers().storeBytes() > 0) {
            CheckpointWriter.checkWritable(nvmeDir.get(), store);
            store = 0;
        }
        CheckpointWriter.checkWritable(out, session.layout().sizeBytes() + store);
    }

    private static Map<String, Object> runFile(TuneConfig config, String fingerprint) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("options", config.options());
        fields.put("base", fingerprint);
        fields.put("java", Runtime.version().toString());
        fields.put("machine", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return fields;
    }

    private static void closeAll(
            RunHistory history, RunFolder folder, ModelSession session, Throwable cause) {
        try (session;
                folder;
                history) {
            // Opened in this order; what is null was not reached.
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
    }

    /** The newest checkpoint of a run that goes on, else the base. */
    private static BlockOrigin origin(TuneConfig config, ModelSession session) {
        Optional<RunCheckpoints.Saved> saved =
                config.output().resume()
                        ? new RunCheckpoints(config.output().out()).newest()
                        : Optional.empty();
        return saved.map(checkpoint ->
                        new BlockOrigin(
                                session.openAlso(checkpoint.path()),
                                session.layout(),
                                checkpoint.foldedThrough()))
                .orElseGet(() -> new BlockOrigin(session.checkpoint(), session.layout(), 0));
    }

    private static Forward start(
            TuneConfig config,
            ModelSession session,
            Arithmetic arithmetic,
            ScratchSize size,
            RunFolder folder,
            RunHistory history) {
        StoreFolder store =
                new StoreFolder(
                        folder.store(config.memory().nvmeDir()),
                        history.fingerprint(),
                        config.output().resume(),
                        history::requireDurable);
        long firstStep = history.updates().lastStep() + 1;
        Forward forward = session.start(size, arithmetic, Optional.of(store), firstStep);
        if (firstStep > 1) {
            forward.catchUp(history.updates());
        }
        return forward;
    }

    private static Arithmetic arithmetic(ArithmeticConfig config) {
        return new Arithmetic(
                config.direction(),
                config.rule().hasMomentum(),
                config.rounding(),
                config.foldEvery(),
                config.matmul());
    }

    private static ScratchSize size(
            DataConfig config, TrainingData data, ArithmeticConfig arithmetic) {
        return ScratchSize.batches(
                config.batchSize(), config.microBatch(), data.maxLength(), arithmetic.queries(), 2);
    }

    ModelSession session() {
        return session;
    }

    TrainingData data() {
        return data;
    }

    RunFolder folder() {
        return folder;
    }

    RunHistory history() {
        return history;
    }

    LrSchedule schedule() {
        return schedule;
    }

    BatchSampler sampler() {
        long seed = config.arithmetic().seed();
        Shuffle shuffle =
                config.data().shuffle()
                        ? (n, epoch) -> SeededShuffle.permutation(n, seed, epoch)
                        : Shuffle.NONE;
        return new BatchSampler(data.train().examples(), config.data().batchSize(), shuffle);
    }

    StepRunner runner() {
        ArithmeticConfig arithmetic = config.arithmetic();
        return new StepRunner(
                forward,
                estimator,
                new StepRunner.StepOptions(
                        arithmetic.seed(),
                        arithmetic.eps(),
                        arithmetic.weightDecay(),
                        config.data().microBatch()));
    }

    Evaluator evaluator() {
        return new Evaluator(forward, config.data().microBatch());
    }

    /** Saves the weights as of the last fold that the schedule asks for. */
    void saveCheckpoint() {
        long foldEvery = config.arithmetic().foldEvery();
        long through = history.updates().lastStep() / foldEvery * foldEvery;
        boolean saved =
                history.checkpoints()
                        .newest()
                        .filter(newest -> newest.foldedThrough() == through)
                        .isPresent();
        if (through > 0 && !saved && !session.tiers().flushStore()) {
            save(history.checkpoints().place(through), ForwardRequest.Folding.SCHEDULED);
            history.checkpoints().mark(through);
        }
    }

    /** Saves the tuned model; checkpoints are no longer needed then. */
    void saveModel() {
        save(folder.folder(), ForwardRequest.Folding.ALL);
        history.checkpoints().removeAll();
        session.tiers().discardStore();
    }

    /** Saves the model as it was after an earlier step, which base and journal make again. */
    void saveModelOf(long step) {
        // What the blocks held is past that step; their memory is what rebuilding takes.
        session.tiers().discardStore();
        session.end();
        Replay.rebuild(
                session.checkpoint(),
                session.layout(),
                folder.journal(),
                JournalReader.read(folder.journal()),
                step,
                folder.folder(),
                session.ledger());
        history.checkpoints().removeAll();
    }

    /** Ends a run that saves no model: the store of its blocks is worth nothing then. */
    void discard() {
        session.tiers().discardStore();
    }

    private void save(Path place, ForwardRequest.Folding folding) {
        try (CheckpointWriter writer =
                CheckpointWriter.create(session.checkpoint(), session.layout(), place)) {
            forward.fold(history.updates(), folding, writer::writeBlock);
            writer.commit();
        }
    }

    /** The run in one line. */
    String describe() {
        ModelLayout layout = session.layout();
        Matmul matmul = config.arithmetic().matmul();
        return String.format(
                "%s, %,d parameters (%s); %s z, %s%s; batch %d; %s, %d workers",
                session.checkpoint().spec().modelType(),
                layout.elementCount(),
                ByteSize.format(layout.sizeBytes()),
                config.arithmetic().perturbation(),
                config.arithmetic().optimizer(),
                matmul == Matmul.NATIVE ? "" : ", " + matmul.id() + " products",
                config.data().batchSize(),
                session.tiers().describe(),
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
