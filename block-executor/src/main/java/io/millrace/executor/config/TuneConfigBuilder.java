package io.millrace.executor.config;

import io.millrace.executor.config.data.Keep;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.config.data.SampleSettings;
import io.millrace.executor.config.data.SliceSharing;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.known.Tasks;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.objective.ChoiceLoss;
import io.millrace.optim.objective.Objectives;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.schedule.Schedules;
import io.millrace.optim.update.Helene;
import io.millrace.optim.update.LozoMomentum;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** A tuning run option by option; what is not set is as usual. */
public final class TuneConfigBuilder {
    private Settings settings = Settings.NONE;

    TuneConfigBuilder() {}

    /**
     * Takes what a person told: it wins over what was set before.
     *
     * @throws io.millrace.memory.BadInputException where it has an option that its methods have no
     *     use for
     */
    public TuneConfigBuilder told(Settings told) {
        Settings all = BegunAdapter.resolve(told);
        ArithmeticConfig.requireUse(all);
        settings = settings.with(all);
        return this;
    }

    private <T> TuneConfigBuilder set(Option<T> option, T value) {
        settings = settings.with(option, value);
        return this;
    }

    /** Held-out file. */
    public TuneConfigBuilder eval(Path file) {
        return set(DataConfig.EVAL, file);
    }

    /** How an example becomes tokens, all of it. */
    public TuneConfigBuilder task(TaskConfig config) {
        settings = settings.without(TaskConfig.OPTIONS).with(config.settings());
        return this;
    }

    /** Prompt with {@code {text}} in it. */
    public TuneConfigBuilder template(String text) {
        return set(TaskConfig.TEMPLATE, text);
    }

    /** Word of each label; none where examples have no labels. */
    public TuneConfigBuilder labelWords(List<String> words) {
        settings =
                settings.with(
                        TaskConfig.LABEL_WORDS,
                        words.isEmpty() ? Optional.empty() : Optional.of(List.copyOf(words)));
        return this;
    }

    /** Longest sequence. */
    public TuneConfigBuilder seqLen(int tokens) {
        return set(TaskConfig.SEQ_LEN, tokens);
    }

    /** Whether running text fills whole sequences. */
    public TuneConfigBuilder pack(boolean on) {
        return set(TaskConfig.PACK, on);
    }

    /** A paper's task. */
    public TuneConfigBuilder paperTask(String name) {
        return set(SampleSettings.TASK, name);
    }

    /** What tells the best evaluation. */
    public TuneConfigBuilder evalMetric(Metric metric) {
        return set(OutputConfig.EVAL_METRIC, metric);
    }

    /** Held-out end of the training data. */
    public TuneConfigBuilder evalSplit(double fraction) {
        return set(DataConfig.EVAL_SPLIT, fraction);
    }

    /** Examples a step. */
    public TuneConfigBuilder batchSize(int examples) {
        return set(DataConfig.BATCH_SIZE, examples);
    }

    /** Examples that pass together; the batch unless set. */
    public TuneConfigBuilder microBatch(int examples) {
        return set(DataConfig.MICRO_BATCH, examples);
    }

    /** Whether each epoch has its own order. */
    public TuneConfigBuilder shuffle(boolean on) {
        return set(DataConfig.SHUFFLE, on);
    }

    /** Steps of the run. */
    public TuneConfigBuilder steps(long count) {
        return set(ArithmeticConfig.STEPS, count);
    }

    /** Which elements have z. */
    public TuneConfigBuilder mask(String name) {
        return set(Masks.KINDS.naming(), name);
    }

    /** The run's seed. */
    public TuneConfigBuilder seed(long value) {
        return set(ArithmeticConfig.SEED, value);
    }

    /** Learning rate. */
    public TuneConfigBuilder lr(double rate) {
        return set(ArithmeticConfig.LR, rate);
    }

    /** Curve of the learning rate. */
    public TuneConfigBuilder schedule(String name) {
        return set(Schedules.NAMING, name);
    }

    /** Steps of warm-up. */
    public TuneConfigBuilder warmup(long count) {
        return set(ArithmeticConfig.WARMUP, count);
    }

    /** Weight decay. */
    public TuneConfigBuilder weightDecay(double decay) {
        return set(ArithmeticConfig.WEIGHT_DECAY, decay);
    }

    /** Scale of the perturbation. */
    public TuneConfigBuilder eps(double scale) {
        return set(ArithmeticConfig.EPS, scale);
    }

    /** What z is drawn from. */
    public TuneConfigBuilder perturbation(String name) {
        return set(Directions.KINDS.naming(), name);
    }

    /** Rank of a low-rank perturbation; others have no use for it. */
    public TuneConfigBuilder rank(int value) {
        return set(LowRankDirection.RANK, value);
    }

    /** Steps for which a low-rank perturbation keeps its right factor. */
    public TuneConfigBuilder window(int count) {
        return set(LowRankDirection.WINDOW, count);
    }

    /** Directions a step. */
    public TuneConfigBuilder queries(int count) {
        return set(Estimators.QUERIES, count);
    }

    /** Losses that a step asks for. */
    public TuneConfigBuilder estimator(String name) {
        return set(Estimators.KINDS.naming(), name);
    }

    /** Layers that have a part in a step. */
    public TuneConfigBuilder blocks(String name) {
        return set(Participations.KINDS.naming(), name);
    }

    /** Tensors to tune. */
    public TuneConfigBuilder tune(String what) {
        return set(TrainedTensors.TUNE, what);
    }

    /** Name of the update rule. */
    public TuneConfigBuilder optimizer(String name) {
        return set(Optimizers.KINDS.naming(), name);
    }

    /** Share of the momentum that a step of LOZO-M keeps. */
    public TuneConfigBuilder beta(double share) {
        return set(LozoMomentum.BETA, share);
    }

    /** An option of a direction, a rule or another method, which only those have a use for. */
    public <T> TuneConfigBuilder method(Option<T> option, T value) {
        return set(option, value);
    }

    /** Steps between folds; unless set, the window of a low-rank perturbation, else 1. */
    public TuneConfigBuilder foldEvery(int count) {
        return set(ArithmeticConfig.FOLD_EVERY, count);
    }

    /** Rounding of a fold. */
    public TuneConfigBuilder rounding(Rounding kind) {
        return set(ArithmeticConfig.ROUNDING, kind);
    }

    /** What products compute on. */
    public TuneConfigBuilder matmul(Matmul type) {
        return set(ArithmeticConfig.MATMUL, type);
    }

    /** Dtype to tune in. */
    public TuneConfigBuilder dtype(DType type) {
        return set(ArithmeticConfig.DTYPE, type);
    }

    /** Where the bytes may be. */
    public TuneConfigBuilder memory(MemoryConfig config) {
        settings = settings.without(MemoryConfig.OPTIONS).with(config.settings());
        return this;
    }

    /** Steps between evaluations. */
    public TuneConfigBuilder evalEvery(long count) {
        return set(OutputConfig.EVAL_EVERY, count);
    }

    /** Steps between checkpoints, 0 for none; as often as costs next to nothing if not called. */
    public TuneConfigBuilder checkpointEvery(long count) {
        return set(OutputConfig.CHECKPOINT_EVERY, OptionalLong.of(count));
    }

    /** Which step's weights are saved in the end. */
    public TuneConfigBuilder keep(Keep which) {
        return set(OutputConfig.KEEP, which);
    }

    /** Whether to go on from what the output folder holds. */
    public TuneConfigBuilder resume(boolean on) {
        return set(OutputConfig.RESUME, on);
    }

    /** File for the timeline. */
    public TuneConfigBuilder trace(Path file) {
        return set(OutputConfig.TRACE, file);
    }

    /** Port at which figures are served. */
    public TuneConfigBuilder metricsPort(int port) {
        return set(OutputConfig.METRICS_PORT, port);
    }

    /** What of a step several workers divide. */
    public TuneConfigBuilder parallel(Parallel what) {
        return set(Parallel.OPTION, what);
    }

    /** Whether workers of one host read for each other. */
    public TuneConfigBuilder slices(SliceSharing wanted) {
        return set(SliceSharing.OPTION, wanted);
    }

    /** What decides the bytes of the result, checked. */
    public ArithmeticConfig arithmetic() {
        settings = withTask(settings);
        boolean takes = Optimizers.KINDS.of(settings).options().contains(Helene.BATCH);
        return new ArithmeticConfig(
                takes && !settings.has(Helene.BATCH)
                        ? settings.with(Helene.BATCH, settings.get(DataConfig.BATCH_SIZE))
                        : settings);
    }

    /** A task whose rows are choices is tuned on the right one among all, unless told otherwise. */
    private static Settings withTask(Settings settings) {
        boolean chooses =
                settings.find(SampleSettings.TASK)
                        .flatMap(Tasks::prompt)
                        .filter(PromptTask::classifies)
                        .isPresent();
        return chooses && !settings.has(Objectives.KINDS.naming())
                ? settings.with(Objectives.KINDS.naming(), ChoiceLoss.NAME)
                : settings;
    }

    /** The run, checked. */
    public TuneConfig build() {
        settings = withTask(settings);
        return new TuneConfig(
                settings.get(TuneConfig.MODEL),
                new DataConfig(settings),
                arithmetic(),
                new MemoryConfig(settings),
                new OutputConfig(settings),
                settings.find(Parallel.OPTION).orElse(Parallel.AUTO),
                settings.find(SliceSharing.OPTION).orElse(SliceSharing.AUTO));
    }
}
