package io.millrace.executor;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.RunStart;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.peer.Peers;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.Evaluator;
import io.millrace.executor.run.FinishedRun;
import io.millrace.executor.run.KeptModel;
import io.millrace.executor.run.MetricsWriter;
import io.millrace.executor.run.RunObservers;
import io.millrace.executor.run.RunSetup;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.run.StepInputs;
import io.millrace.executor.spread.Wish;
import io.millrace.executor.spread.Workers;
import io.millrace.executor.step.DivergedException;
import io.millrace.executor.step.StepInput;
import io.millrace.executor.step.StepTaker;
import io.millrace.memory.slice.SliceBytes;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.OperatorUse;
import io.millrace.telemetry.StepMeter;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepObserver;
import io.millrace.telemetry.StepOverlap;
import io.millrace.telemetry.track.RunEnd;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** Tuning a model: from checked input to the saved folder. */
public final class TuningRun {
    private final TuneConfig config;
    private final RunListener listener;
    private final RunSetup setup;
    private final MetricsWriter metrics;
    private final StepTaker runner;
    private final Evaluator evaluator;
    private final StepMeter meter;
    private final RunObservers observers;
    private final KeptModel kept;
    private final long beganNs = System.nanoTime();
    private EvalResult before;
    private EvalResult after;
    private long evaluatedStep = -1;
    private Map<String, Double> operatorsBefore;
    private SliceBytes slicesBefore = SliceBytes.NONE;
    private double lastLoss = Double.NaN;
    private long keptStep;
    private boolean patienceIsOver;
    private boolean tookAStep;

    private TuningRun(
            TuneConfig config, RunListener listener, RunSetup setup, RunObservers observers) {
        this.observers = observers;
        this.config = config;
        this.listener = listener;
        this.setup = setup;
        metrics = setup.history().metrics();
        runner = setup.runner();
        evaluator = setup.evaluator();
        meter = new StepMeter(setup.session().spans());
        kept = new KeptModel(config, setup);
    }

    /**
     * Runs to the last step, or until the listener asks to stop after one; then the journal holds
     * every step done, and the same configuration with {@code resume} goes on.
     *
     * @param config what to do
     * @param listener hears of every step
     * @throws io.millrace.memory.BadInputException when the input is refused; the output folder is
     *     as it was then
     */
    public static RunSummary run(TuneConfig config, RunListener listener) {
        return run(config, listener, Peers.ALONE);
    }

    /**
     * The same as one of several workers, each of which calls this with the same run but for its
     * own folder and memory. All come to the same journal and weights, which are those of one
     * worker; worker 0 evaluates and saves the model, asks its own listener whether to stop, and
     * has the journal that counts.
     *
     * @param config what to do
     * @param listener hears of every step
     * @param peers the others
     * @throws io.millrace.memory.BadInputException when the input is refused here or on another
     *     worker, or differs from worker 0's
     * @throws io.millrace.executor.peer.PeerLostException when another worker is lost; the same
     *     configuration with {@code resume} goes on, with as many workers or others
     */
    public static RunSummary run(TuneConfig config, RunListener listener, Peers peers) {
        Workers workers = new Workers(peers);
        try {
            if (!workers.isAlone()) {
                Workers.requireShared(config.arithmetic());
            }
            Optional<RunSummary> done = FinishedRun.summary(config, workers);
            if (done.isPresent()) {
                return done.get();
            }
            GivenPaths.requireFolder("--out", config.output().out());
            try (RunObservers observers = RunObservers.open(config.output(), List.of());
                    RunSetup setup = RunSetup.prepare(config, listener, workers)) {
                return new TuningRun(config, listener, setup, observers).run();
            }
        } catch (RuntimeException | Error e) {
            workers.meetings().refuse(e);
            throw e;
        }
    }

    /**
     * The same of a run that was prepared; its owner closes it.
     *
     * @param config what to do
     * @param listener hears of every step
     * @param setup of that run
     */
    public static RunSummary run(TuneConfig config, RunListener listener, RunSetup setup) {
        try (RunObservers observers = RunObservers.open(config.output(), List.of())) {
            return new TuningRun(config, listener, setup, observers).run();
        }
    }

    /**
     * Takes the first steps of a run for what they show, and saves no model.
     *
     * @param config what the run would do; its folder must not hold a run
     * @param rehearsal how far to go
     * @param listener hears of every step
     * @param more who sees the steps' spans and figures
     * @throws io.millrace.memory.BadInputException when the input is refused
     */
    public static RunSummary rehearse(
            TuneConfig config, Rehearsal rehearsal, RunListener listener, List<StepObserver> more) {
        try (RunObservers observers = RunObservers.open(config.output(), more);
                RunSetup setup =
                        RunSetup.prepare(config, rehearsal.heldOut(), rehearsal.base(), listener)) {
            return new TuningRun(config, listener, setup, observers).rehearse(rehearsal);
        }
    }

    private RunSummary run() {
        ArithmeticConfig arithmetic = config.arithmetic();
        long first = begin(arithmetic.steps());
        boolean leads = setup.workers().leads();
        if (first == 1) {
            before = evaluate();
        } else if (leads && kept.lacksEvaluation(first - 1)) {
            evaluate();
        }
        RunSummary.End end = tune(first, arithmetic.steps());
        if (end == RunSummary.End.INTERRUPTED) {
            after = null;
            setup.saves().beforeStopping();
        } else if (!leads) {
            setup.saves().discard();
        } else {
            if (evaluatedStep != setup.history().updates().lastStep()) {
                after = evaluate();
            }
            keptStep = kept.save();
            // What moved for the last fold belongs to no step, and to the timeline.
            meter.begin();
            observers.between(meter);
        }
        observers.ended(end == RunSummary.End.INTERRUPTED ? RunEnd.INTERRUPTED : RunEnd.DONE);
        RunSummary summary = summary(end);
        if (leads) {
            RunEnding.write(config, setup, summary);
        }
        return summary;
    }

    private RunSummary rehearse(Rehearsal rehearsal) {
        long first = begin(rehearsal.steps());
        if (rehearsal.heldOut() > 0) {
            before = evaluate();
        }
        // Whatever comes, nobody goes on with these blocks.
        setup.saves().discard();
        RunSummary.End end = tune(first, rehearsal.steps());
        boolean interrupted = end == RunSummary.End.INTERRUPTED;
        after = rehearsal.heldOut() > 0 && !interrupted ? evaluate() : null;
        return summary(end);
    }

    private long begin(long last) {
        observers.begin(setup);
        long first = setup.history().updates().lastStep() + 1;
        lastLoss = setup.history().lastLossBefore();
        listener.onStart(new RunStart(setup.describe() + observers.describe(), first, last));
        return first;
    }

    private RunSummary summary(RunSummary.End end) {
        return new RunSummary(
                config.output().out(),
                setup.history().updates().lastStep(),
                lastLoss,
                setup.history().flatSteps(),
                before,
                after,
                keptStep,
                end);
    }

    /** Takes the steps, and says what ended them. */
    private RunSummary.End tune(long first, long last) {
        Workers workers = setup.workers();
        patienceIsOver = workers.leads() && first > 1 && kept.isPatienceOver();
        workers.wishes(this::wish);
        RunSummary.End end = steps(first, last);
        if (!workers.isAlone()) {
            workers.ask(); // so that nothing is saved of a step that others did otherwise
            observers.gatherTimelines(workers);
        }
        return end;
    }

    private RunSummary.End steps(long first, long last) {
        StepInputs inputs = setup.inputs();
        Workers workers = setup.workers();
        for (long step = first; step <= last; step++) {
            // After its pass, worker 0 has evaluated.
            boolean asks = step == first || evaluatesAfter(step - 1);
            Wish wish = asks ? workers.ask() : workers.heard();
            if (wish != Wish.GO_ON) {
                return end(wish);
            }
            StepInput input = inputs.of(step);
            meter.begin();
            operatorsBefore = setup.model().forward().operatorSeconds();
            observers.between(meter);
            StepRecord record = runner.run(input, setup.history().updates());
            requireFinite(record);
            setup.history().add(record);
            tookAStep = true;
            StepOverlap overlap = meter.end();
            OperatorUse use =
                    OperatorUse.between(
                            setup.session().workers(),
                            operatorsBefore,
                            setup.model().forward().operatorSeconds());
            report(record, input.batch().tokens(), overlap, use, last);
            afterStep(step, last, overlap.seconds(), use);
        }
        return RunSummary.End.DONE;
    }

    /** What this worker wants to come next, should it be the one that is asked. */
    private Wish wish() {
        if (patienceIsOver) {
            return Wish.PATIENCE;
        }
        if (listener.stopRequested()) {
            return Wish.STOP;
        }
        return tookAStep && isTimeOver() ? Wish.TIME : Wish.GO_ON;
    }

    private static RunSummary.End end(Wish wish) {
        return switch (wish) {
            case GO_ON -> RunSummary.End.DONE;
            case STOP -> RunSummary.End.INTERRUPTED;
            case TIME -> RunSummary.End.TIME;
            case PATIENCE -> RunSummary.End.PATIENCE;
        };
    }

    private boolean evaluatesAfter(long step) {
        long evalEvery = config.output().evalEvery();
        return evalEvery > 0 && step % evalEvery == 0;
    }

    private boolean isTimeOver() {
        Optional<Duration> most = config.output().maxTime();
        return most.isPresent() && System.nanoTime() - beganNs >= most.get().toNanos();
    }

    private void afterStep(long step, long last, double seconds, OperatorUse use) {
        if (evaluatesAfter(step) || listener.evaluationRequested()) {
            after = evaluate();
            patienceIsOver = setup.workers().leads() && kept.isPatienceOver();
        }
        if (step != last) {
            double forming = use.seconds().getOrDefault(Operator.FORM.label(), 0.0);
            setup.saves()
                    .afterStep(
                            step, seconds, use.workers() > 0 ? forming / use.workers() : seconds);
        }
    }

    private void report(
            StepRecord record, int tokens, StepOverlap overlap, OperatorUse use, long last) {
        double loss = record.loss();
        double slope = record.meanSlope();
        lastLoss = loss;
        SliceBytes slices = setup.model().tiers().sliceBytes();
        SliceBytes came = slices.since(slicesBefore);
        StepMetrics line =
                new StepMetrics(
                        record.step(),
                        loss,
                        slope,
                        record.lr(),
                        tokens,
                        overlap,
                        use,
                        new StepMetrics.Counts(meter.droppedSpans(), came.drive(), came.peers()));
        slicesBefore = slices;
        metrics.write(line);
        observers.step(line, meter);
        if (!setup.workers().isAlone()) {
            setup.workers().measured(overlap);
            observers.workers(setup.workers().figures());
        }
        listener.onStep(
                new StepProgress(
                        record.step(),
                        last,
                        loss,
                        slope,
                        record.lr(),
                        overlap.seconds(),
                        line.tokensPerSecond()));
    }

    private EvalResult evaluate() {
        if (setup.data().eval() == null || !setup.workers().leads()) {
            return null;
        }
        setup.model().tiers().readAlone();
        EvalResult result = evaluator.evaluate(setup.data().eval(), setup.history().updates());
        long step = setup.history().updates().lastStep();
        OptionalDouble accuracy =
                Double.isNaN(result.accuracy())
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(result.accuracy());
        EvalMetrics line =
                new EvalMetrics(step, result.loss(), accuracy, kept.evalData(), answers(result));
        metrics.write(line);
        observers.evaluation(line);
        listener.onEval(step, result.loss(), result.accuracy());
        evaluatedStep = step;
        return result;
    }

    private static Map<String, Double> answers(EvalResult result) {
        Map<String, Double> fields = new LinkedHashMap<>();
        for (Metric metric : List.of(Metric.F1, Metric.EXACT_MATCH)) {
            result.of(metric).ifPresent(value -> fields.put(metric.field(), value));
        }
        return fields;
    }

    private void requireFinite(StepRecord record) {
        for (QueryResult query : record.queries()) {
            if (!query.isFinite()) {
                throw new DivergedException(
                        "step "
                                + record.step()
                                + " has a loss that is not finite; lower --lr or --eps and start"
                                + " again");
            }
        }
    }
}
