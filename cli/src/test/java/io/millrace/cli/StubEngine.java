package io.millrace.cli;

import io.millrace.cli.context.Operations;
import io.millrace.executor.ForwardPass;
import io.millrace.executor.Generation;
import io.millrace.executor.GradientCheck;
import io.millrace.executor.Rehearsal;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.find.EpsTrial;
import io.millrace.executor.find.FindResult;
import io.millrace.executor.find.RateTrial;
import io.millrace.executor.journal.AdapterRequest;
import io.millrace.executor.journal.ExportedAdapter;
import io.millrace.executor.journal.JournalReport;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.RunStart;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.many.ManyListener;
import io.millrace.executor.many.ManyRuns;
import io.millrace.executor.quantize.Quantization;
import io.millrace.executor.quantize.QuantizeConfig;
import io.millrace.executor.run.DataReport;
import io.millrace.executor.run.DataRequest;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.search.DirectionScore;
import io.millrace.executor.search.LayerOutliers;
import io.millrace.executor.search.OutlierConfig;
import io.millrace.executor.search.SearchConfig;
import io.millrace.executor.search.SearchResult;
import io.millrace.executor.search.SensitiveConfig;
import io.millrace.executor.search.SensitiveResult;
import io.millrace.model.WrittenForm;
import io.millrace.model.adapter.peft.AdapterCut;
import io.millrace.model.adapter.peft.MergedAdapter;
import io.millrace.model.quantize.TensorError;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.StepObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/** Keeps what it is asked, takes the steps without doing any, and fails where told to. */
final class StubEngine implements Operations {
    TuneConfig tuned;
    SearchConfig searched;
    SensitiveConfig chosen;
    OutlierConfig counted;
    GradientCheck.Asked checked;
    Rehearsal rehearsed;
    final List<EvalConfig> evaluated = new ArrayList<>();
    GenerateConfig generated;
    List<Object> forwarded;
    List<Path> replayed;
    OptionalLong replayedUntil;
    QuantizeConfig quantised;
    SynthRequest synthesised;
    Throwable failure;
    Runnable duringStep = () -> {};

    @Override
    public RunSummary tune(TuneConfig config, RunListener listener) {
        failWhereTold();
        tuned = config;
        long steps = config.arithmetic().steps();
        listener.onStart(new RunStart("tuning base", 1, steps));
        listener.onEval(0, 0.75, 0.5);
        long step = 0;
        while (step < steps && !listener.stopRequested()) {
            step++;
            duringStep.run();
            listener.onStep(new StepProgress(step, steps, 0.7, 0.1, 1e-6, 0.01, 1600));
        }
        writeJournal(config.output().out());
        return new RunSummary(
                config.output().out(),
                step,
                0.7,
                step / 4,
                new EvalResult(0.75, 0.5, 10, 10),
                new EvalResult(0.25, Double.NaN, 10, 10),
                config.output().keep().isBest() ? step / 2 : step,
                step < steps ? RunSummary.End.INTERRUPTED : RunSummary.End.DONE);
    }

    @Override
    public List<ManyRuns.Outcome> tuneMany(List<TuneConfig> configs, ManyListener listener) {
        List<ManyRuns.Outcome> outcomes = new ArrayList<>();
        for (int run = 0; run < configs.size(); run++) {
            RunSummary summary = tune(configs.get(run), listener.of(run));
            outcomes.add(new ManyRuns.Outcome(Optional.of(summary), Optional.empty()));
        }
        return outcomes;
    }

    @Override
    public RunSummary rehearse(
            TuneConfig config,
            Rehearsal rehearsal,
            RunListener listener,
            List<StepObserver> observers) {
        failWhereTold();
        tuned = config;
        rehearsed = rehearsal;
        return new RunSummary(
                config.output().out(),
                rehearsal.steps(),
                0.7,
                0,
                null,
                null,
                rehearsal.steps(),
                RunSummary.End.DONE);
    }

    @Override
    public FindResult find(FindRequest request, RunListener listener, Consumer<String> progress) {
        failWhereTold();
        tuned = request.options().apply(request.folder().resolve("out")).build();
        progress.accept("lr 1e-6");
        return new FindResult(
                List.of(new EpsTrial(1e-3, 0.5, 0.01)),
                List.of(
                        new RateTrial(1e-6, 2, 1.5, true),
                        new RateTrial(1e-5, 2, 3, false),
                        new RateTrial(1e-4, Double.NaN, Double.NaN, false)),
                1e-3,
                3.3e-7,
                1e-6);
    }

    @Override
    public SearchResult search(
            SearchConfig config, RunListener listener, Consumer<String> progress) {
        failWhereTold();
        searched = config;
        List<DirectionScore> scores =
                List.of(
                        new DirectionScore(2, 22, 0.25),
                        new DirectionScore(1, 11, 0.5),
                        new DirectionScore(3, 33, Double.NaN));
        return new SearchResult(
                0.375,
                scores,
                config.choice().keep(),
                new EvalResult(0.75, 0.5, 10, 10),
                new EvalResult(0.25, 0.75, 10, 10),
                listener.stopRequested());
    }

    @Override
    public GradientCheck.Result checkGradient(GradientCheck.Asked asked) {
        failWhereTold();
        checked = asked;
        return new GradientCheck.Result(
                2.5,
                4,
                List.of(new GradientCheck.Line(1, 1.01), new GradientCheck.Line(-3, -3.12)));
    }

    @Override
    public List<LayerOutliers> outliers(
            OutlierConfig config, RunListener listener, Consumer<String> progress) {
        failWhereTold();
        counted = config;
        return listener.stopRequested()
                ? List.of()
                : List.of(new LayerOutliers(2000, 0.5, 5), new LayerOutliers(4000, 0.25, 0));
    }

    @Override
    public SensitiveResult sensitive(
            SensitiveConfig config, RunListener listener, Consumer<String> progress) {
        failWhereTold();
        chosen = config;
        return new SensitiveResult(
                List.of(
                        new SensitiveResult.Chosen("a.weight", 3, 1000),
                        new SensitiveResult.Chosen("b.weight", 2, 4000)),
                5000,
                0.25f,
                listener.stopRequested());
    }

    @Override
    public EvalResult eval(EvalConfig config) {
        failWhereTold();
        evaluated.add(config);
        return new EvalResult(0.5, evaluated.size() == 1 ? 0.5 : 0.9, 1000, 1000);
    }

    @Override
    public DataReport inspect(DataRequest request) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Generation.Result generate(GenerateConfig config) {
        failWhereTold();
        generated = config;
        return new Generation.Result(
                new int[] {1, 2}, new int[] {3, 4}, config.prompt() + " wörld");
    }

    @Override
    public ForwardPass.Result forward(
            Path model, Optional<Path> adapter, Path input, Path output, MemoryConfig memory) {
        failWhereTold();
        forwarded = List.of(model, adapter, input, output, memory);
        return new ForwardPass.Result(0.125, 7);
    }

    @Override
    public Replay.Result replay(
            Path base, Optional<Path> adapter, Path journal, OptionalLong until, Path out) {
        failWhereTold();
        replayed = List.of(base, journal, out);
        replayedUntil = until;
        return new Replay.Result(until.orElse(12), 8);
    }

    @Override
    public List<AdapterCut.Matrix> cut(Path base, Path adapter, int rank, Path out) {
        throw new UnsupportedOperationException(adapter.toString());
    }

    @Override
    public ExportedAdapter export(AdapterRequest request) {
        failWhereTold();
        return new ExportedAdapter(7, 3, 6, List.of(), 0, Optional.empty(), Optional.empty(), 4096);
    }

    @Override
    public MergedAdapter merge(
            Path model, Path adapter, WrittenForm form, Path out, LongConsumer progress) {
        failWhereTold();
        progress.accept(64 << 20);
        MergedAdapter.Matrix matrix =
                new MergedAdapter.Matrix(
                        "w", "w.weight", List.of(4L, 4L), new MergedAdapter.Product(2, 2), "BF16");
        return new MergedAdapter(List.of(matrix), 64 << 20);
    }

    @Override
    public JournalReport journal(Path file, Optional<Path> model) {
        failWhereTold();
        return JournalReport.of(file, model);
    }

    @Override
    public Quantization.Result quantize(QuantizeConfig config, LongConsumer progress) {
        failWhereTold();
        quantised = config;
        TensorError error = new TensorError("w.weight", 8, 16, 0.01, 4, 0.125, false);
        return new Quantization.Result(List.of(error), 4096, 1024, Optional.empty());
    }

    @Override
    public SyntheticModel.Written synth(SynthRequest request, LongConsumer progress) {
        failWhereTold();
        synthesised = request;
        progress.accept(64 << 20);
        return new SyntheticModel.Written(125_239_296, 250_478_592);
    }

    private static void writeJournal(Path out) {
        if (!out.isAbsolute()) {
            return; // Most tests only name a folder.
        }
        try {
            Files.createDirectories(out);
            Files.writeString(out.resolve("journal.jsonl"), "{}\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void failWhereTold() {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure != null) {
            throw (RuntimeException) failure;
        }
    }
}
