package io.millrace.cli.context;

import io.millrace.executor.ForwardPass;
import io.millrace.executor.Generation;
import io.millrace.executor.GradientCheck;
import io.millrace.executor.Rehearsal;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.find.FindResult;
import io.millrace.executor.journal.AdapterRequest;
import io.millrace.executor.journal.ExportedAdapter;
import io.millrace.executor.journal.JournalReport;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.many.ManyListener;
import io.millrace.executor.many.ManyRuns;
import io.millrace.executor.quantize.Quantization;
import io.millrace.executor.quantize.QuantizeConfig;
import io.millrace.executor.run.DataReport;
import io.millrace.executor.run.DataRequest;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.search.LayerOutliers;
import io.millrace.executor.search.OutlierConfig;
import io.millrace.executor.search.SearchConfig;
import io.millrace.executor.search.SearchResult;
import io.millrace.executor.search.SensitiveConfig;
import io.millrace.executor.search.SensitiveResult;
import io.millrace.memory.DType;
import io.millrace.model.WrittenForm;
import io.millrace.model.adapter.peft.AdapterCut;
import io.millrace.model.adapter.peft.MergedAdapter;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.StepObserver;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongConsumer;

/** The work behind the commands: the seam at which a test puts a stub. */
public interface Operations {
    /**
     * Tunes a model; returns after the last step, or after the one in which a stop was asked for.
     */
    RunSummary tune(TuneConfig config, RunListener listener);

    /**
     * Tunes several adapters of one base in passes that they share.
     *
     * @param configs the runs, of which each has a folder of its own
     * @param listener hears of each from a thread of its own
     */
    List<ManyRuns.Outcome> tuneMany(List<TuneConfig> configs, ManyListener listener);

    /** Takes the first steps of a tuning run for what they show, and saves no model. */
    RunSummary rehearse(
            TuneConfig config,
            Rehearsal rehearsal,
            RunListener listener,
            List<StepObserver> observers);

    /**
     * Tries learning rates and epsilons.
     *
     * @param request the run that is to be tuned, and how long to try
     * @param listener is asked whether to stop
     * @param progress hears what is tried next
     */
    FindResult find(FindRequest request, RunListener listener, Consumer<String> progress);

    /**
     * Tries directions around a model, and saves it moved along the best.
     *
     * @param config what to try
     * @param listener is asked whether to stop
     * @param progress hears how far it is
     */
    SearchResult search(SearchConfig config, RunListener listener, Consumer<String> progress);

    /**
     * Chooses the elements of a model that the loss is most sensitive to, and lists them.
     *
     * @param config what to choose
     * @param listener is asked whether to stop
     * @param progress hears how far it is
     */
    SensitiveResult sensitive(
            SensitiveConfig config, RunListener listener, Consumer<String> progress);

    /**
     * Counts the outliers in each layer of a model, and writes them.
     *
     * @param listener is asked whether to stop
     * @param progress hears how far it is
     * @return a layer each; empty where it was stopped
     */
    List<LayerOutliers> outliers(
            OutlierConfig config, RunListener listener, Consumer<String> progress);

    /** Holds a model's gradient to slopes of its loss. */
    GradientCheck.Result checkGradient(GradientCheck.Asked asked);

    /** Evaluates a model on a file. */
    EvalResult eval(EvalConfig config);

    /** Reads data as a run would, and says what it becomes. */
    DataReport inspect(DataRequest request);

    /** Continues a prompt. */
    Generation.Result generate(GenerateConfig config);

    /**
     * Writes the logits and losses of a batch of ids, of a model and an adapter beside it if one is
     * given.
     */
    ForwardPass.Result forward(
            Path model, Optional<Path> adapter, Path input, Path output, MemoryConfig memory);

    /**
     * Rebuilds a tuned model from its base and its journal, up to a step if one is given, and with
     * the adapter that the run began with, if it did.
     */
    Replay.Result replay(
            Path base, Optional<Path> adapter, Path journal, OptionalLong until, Path out);

    /** Makes an adapter of a low-rank run. */
    ExportedAdapter export(AdapterRequest request);

    /** {@link AdapterCut#run}. */
    List<AdapterCut.Matrix> cut(Path base, Path adapter, int rank, Path out);

    /**
     * Writes a model with an adapter of PEFT's merged into its weights.
     *
     * @param model folder of the base
     * @param adapter folder of the adapter
     * @param out folder to write
     * @param progress called now and then with the bytes written since the last call
     */
    MergedAdapter merge(
            Path model, Path adapter, WrittenForm form, Path out, LongConsumer progress);

    /**
     * Writes a model with its layers' matrices in fewer bits.
     *
     * @param progress called now and then with the bytes of matrices done since the last call
     */
    Quantization.Result quantize(QuantizeConfig config, LongConsumer progress);

    /** Reads what a journal tells of its run, and whether a model is its base. */
    JournalReport journal(Path file, Optional<Path> model);

    /**
     * Writes a model of random weights.
     *
     * @param request what to make up
     * @param progress called now and then with the bytes written since the last call
     */
    SyntheticModel.Written synth(SynthRequest request, LongConsumer progress);

    /**
     * A model to make up.
     *
     * @param arch a known model's name, or empty where a file gives the shapes
     * @param config a {@code config.json}, or empty where a name gives them
     * @param dtype dtype of the weights
     * @param packing how matrices of layers are stored, where not in that
     * @param out folder to write
     * @param seed seed of the weights
     */
    record SynthRequest(
            Optional<String> arch,
            Optional<Path> config,
            DType dtype,
            Optional<SyntheticModel.Packing> packing,
            Path out,
            long seed) {}

    /**
     * What to find a learning rate for.
     *
     * @param options makes the run, for an output folder that it is given
     * @param start the learning rate to begin at
     * @param steps steps that each rate is tried for
     * @param folder an empty folder that may be filled
     */
    record FindRequest(
            Function<Path, TuneConfigBuilder> options, double start, int steps, Path folder) {}
}
