package io.millrace.executor.run;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.place.RunningModel;
import io.millrace.executor.spread.SpreadForward;
import io.millrace.executor.spread.Workers;
import io.millrace.executor.step.BlockSet;
import io.millrace.executor.step.GradientRunner;
import io.millrace.executor.step.RunLayout;
import io.millrace.executor.step.StepRunner;
import io.millrace.executor.step.StepTaker;
import io.millrace.executor.step.TurnCounts;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Matmul;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.WeightScan;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.BatchSampler;
import io.millrace.optim.random.SeededShuffle;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.update.UpdateRule;
import java.util.Map;
import java.util.Optional;

/**
 * What a run needs before its first step. Everything that can be refused is refused before anything
 * is written, and a run that does not begin leaves its place as it was.
 */
public final class RunSetup implements AutoCloseable {
    private final TuneConfig config;
    private final ModelSession session;
    private final TrainingData data;
    private final Scoring scoring;
    private final RunFolder folder;
    private final RunHistory history;
    private final RunningModel model;
    private final RunSaves saves;

    RunSetup(
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
        return RunPreparation.of(config, heldOut, scanned, listener, Workers.alone()).begin();
    }

    /** The same of one of several workers. */
    public static RunSetup prepare(TuneConfig config, RunListener listener, Workers workers) {
        return RunPreparation.of(config, 0, Optional.empty(), listener, workers).begin();
    }

    /**
     * Holds a run's input and options to the journal that its folder has.
     *
     * @throws BadInputException where they differ
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
            try (Scoring scoring = RunPreparation.scoring(config, data, program)) {
                RunHeader header = RunHeader.of(config, fingerprint, scoring);
                RunHistory.read(config, folder, base.layout(), header);
            }
        }
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

    /** Who takes its steps. */
    public Workers workers() {
        return history.workers();
    }

    public RunSaves saves() {
        return saves;
    }

    /** Its options by name. */
    Map<String, Object> options() {
        return config.options();
    }

    /** What each step is given. */
    public StepInputs inputs() {
        return new StepInputs(
                config.arithmetic(),
                scoring,
                sampler(),
                config.data().batchSize(),
                history,
                BlockSet.units(session.layout().parts()));
    }

    private BatchSampler sampler() {
        long seed = config.arithmetic().seed();
        BatchSampler.Shuffle shuffle =
                config.data().shuffle()
                        ? (n, epoch) -> SeededShuffle.permutation(n, seed, epoch)
                        : BatchSampler.Shuffle.NONE;
        return new BatchSampler(scoring.examples(), config.data().batchSize(), shuffle);
    }

    /** What takes the run's steps. */
    public StepTaker runner() {
        ArithmeticConfig arithmetic = config.arithmetic();
        if (!arithmetic.isReplayable()) {
            return new GradientRunner(
                    model.forward(),
                    new GradientRunner.Options(
                            arithmetic.seed(), arithmetic.eps(), arithmetic.weightDecay()),
                    turns());
        }
        UpdateRule rule = arithmetic.rule();
        return new StepRunner(
                workers().isAlone()
                        ? model.forward()
                        : new SpreadForward(
                                model.forward(),
                                workers(),
                                config.parallel(),
                                model.tiers()::readWithOthers),
                arithmetic.estimator(),
                new StepRunner.StepOptions(
                        arithmetic.seed(),
                        step -> rule.eps(step, arithmetic.eps()),
                        arithmetic.weightDecay()));
    }

    /** The turns of the steps so far. */
    private TurnCounts turns() {
        UpdateLog updates = history.updates();
        TurnCounts turns =
                new TurnCounts(session.layout(), config.arithmetic().participation().keepsStates());
        for (long step = 1; step <= updates.lastStep(); step++) {
            long seed = SplitMix64.output(config.arithmetic().seed(), step);
            turns.advance(step, updates.blocksOf(step, seed));
        }
        return turns;
    }

    public Evaluator evaluator() {
        return new Evaluator(model.forward(), config.data().microBatch(), data.answers());
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
                                        layout.ownsBeside()
                                                ? "; %,d of them tuned beside the blocks (%s"
                                                : "; an adapter of %,d beside them (%s",
                                        adapter.elementCount(),
                                        ByteSize.format(adapter.weightBytes())))
                        .orElse("");
        return String.format(
                "%s, %,d parameters (%s%s%s); %s, %s%s; batch %d; %s, %d workers",
                session.checkpoint().program().modelType(),
                layout.elementCount(),
                ByteSize.format(layout.weightBytes()),
                beside.isEmpty() ? "" : ")" + beside,
                states == 0 ? "" : ", and " + ByteSize.format(states) + " of states",
                config.arithmetic().isReplayable()
                        ? config.arithmetic().perturbation() + " z"
                        : "gradients",
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
