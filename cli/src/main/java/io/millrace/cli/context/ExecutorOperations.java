package io.millrace.cli.context;

import io.millrace.executor.DataInspection;
import io.millrace.executor.Evaluation;
import io.millrace.executor.ForwardPass;
import io.millrace.executor.Generation;
import io.millrace.executor.GradientCheck;
import io.millrace.executor.Rehearsal;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.find.FindResult;
import io.millrace.executor.find.Finder;
import io.millrace.executor.journal.AdapterExport;
import io.millrace.executor.journal.AdapterRequest;
import io.millrace.executor.journal.ExportedAdapter;
import io.millrace.executor.journal.JournalReport;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.many.ManyListener;
import io.millrace.executor.many.ManyRuns;
import io.millrace.executor.peer.Peers;
import io.millrace.executor.quantize.Quantization;
import io.millrace.executor.quantize.QuantizeConfig;
import io.millrace.executor.run.DataReport;
import io.millrace.executor.run.DataRequest;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.search.LayerOutliers;
import io.millrace.executor.search.OutlierConfig;
import io.millrace.executor.search.OutlierSearch;
import io.millrace.executor.search.SearchConfig;
import io.millrace.executor.search.SearchResult;
import io.millrace.executor.search.SeedSearch;
import io.millrace.executor.search.SensitiveConfig;
import io.millrace.executor.search.SensitiveResult;
import io.millrace.executor.search.SensitiveSearch;
import io.millrace.memory.BadInputException;
import io.millrace.model.WrittenForm;
import io.millrace.model.adapter.peft.AdapterCut;
import io.millrace.model.adapter.peft.AdapterMerge;
import io.millrace.model.adapter.peft.MergedAdapter;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.StepObserver;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/** The engine that does the work. */
public final class ExecutorOperations implements Operations {
    private final Peers peers;

    /** Of a process by itself. */
    public ExecutorOperations() {
        this(Peers.ALONE);
    }

    /** Of a process that takes a run's steps with others. */
    public ExecutorOperations(Peers peers) {
        this.peers = peers;
    }

    @Override
    public RunSummary tune(TuneConfig config, RunListener listener) {
        return TuningRun.run(config, listener, peers);
    }

    @Override
    public List<ManyRuns.Outcome> tuneMany(List<TuneConfig> configs, ManyListener listener) {
        return ManyRuns.run(configs, listener);
    }

    @Override
    public RunSummary rehearse(
            TuneConfig config,
            Rehearsal rehearsal,
            RunListener listener,
            List<StepObserver> observers) {
        return TuningRun.rehearse(config, rehearsal, listener, observers);
    }

    @Override
    public FindResult find(FindRequest request, RunListener listener, Consumer<String> progress) {
        return Finder.find(
                request.options(),
                request.start(),
                request.steps(),
                request.folder(),
                listener,
                progress);
    }

    @Override
    public SearchResult search(
            SearchConfig config, RunListener listener, Consumer<String> progress) {
        return SeedSearch.run(config, listener, progress);
    }

    @Override
    public SensitiveResult sensitive(
            SensitiveConfig config, RunListener listener, Consumer<String> progress) {
        return SensitiveSearch.run(config, listener, progress);
    }

    @Override
    public List<LayerOutliers> outliers(
            OutlierConfig config, RunListener listener, Consumer<String> progress) {
        return OutlierSearch.run(config, listener, progress);
    }

    @Override
    public GradientCheck.Result checkGradient(GradientCheck.Asked asked) {
        return GradientCheck.run(asked);
    }

    @Override
    public EvalResult eval(EvalConfig config) {
        return Evaluation.run(config);
    }

    @Override
    public DataReport inspect(DataRequest request) {
        return DataInspection.run(request);
    }

    @Override
    public Generation.Result generate(GenerateConfig config) {
        return Generation.run(config);
    }

    @Override
    public ForwardPass.Result forward(
            Path model, Optional<Path> adapter, Path input, Path output, MemoryConfig memory) {
        return ForwardPass.run(model, adapter, input, output, memory);
    }

    @Override
    public Replay.Result replay(
            Path base, Optional<Path> adapter, Path journal, OptionalLong until, Path out) {
        return until.isPresent()
                ? Replay.until(base, adapter, journal, until.getAsLong(), out)
                : Replay.run(base, adapter, journal, out);
    }

    @Override
    public List<AdapterCut.Matrix> cut(Path base, Path adapter, int rank, Path out) {
        return AdapterCut.run(base, adapter, rank, out);
    }

    @Override
    public ExportedAdapter export(AdapterRequest request) {
        return AdapterExport.run(request);
    }

    @Override
    public MergedAdapter merge(
            Path model, Path adapter, WrittenForm form, Path out, LongConsumer progress) {
        return AdapterMerge.run(model, adapter, form, out, progress);
    }

    @Override
    public Quantization.Result quantize(QuantizeConfig config, LongConsumer progress) {
        return Quantization.run(config, progress);
    }

    @Override
    public JournalReport journal(Path file, Optional<Path> model) {
        return JournalReport.of(file, model);
    }

    @Override
    public SyntheticModel.Written synth(SynthRequest request, LongConsumer progress) {
        ModelConfig config =
                request.arch()
                        .map(ExecutorOperations::named)
                        .orElseGet(() -> ModelConfig.read(request.config().orElseThrow()));
        return SyntheticModel.write(
                config,
                request.dtype(),
                request.packing(),
                request.seed(),
                request.out(),
                progress);
    }

    private static ModelConfig named(String arch) {
        return NamedArchitectures.find(arch)
                .orElseThrow(() ->
                        new BadInputException(
                                "--arch",
                                "'" + arch + "' is not a known model",
                                "give one of "
                                        + String.join(", ", NamedArchitectures.names())
                                        + ", or a --config"));
    }
}
