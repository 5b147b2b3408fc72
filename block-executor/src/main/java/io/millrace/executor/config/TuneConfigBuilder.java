package io.millrace.executor.config;

import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.DirectionOptions;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.update.Optimizers;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** A tuning run option by option; the fields' initial values are the defaults of every run. */
public final class TuneConfigBuilder {
    private final Path model;
    private final Path train;
    private final Path out;
    private Optional<Path> eval = Optional.empty();
    private Optional<String> template = Optional.empty();
    private List<String> labelWords = List.of();
    private OptionalInt seqLen = OptionalInt.empty();
    private boolean pack = true;
    private double evalSplit;
    private int batchSize = 16;
    private OptionalInt microBatch = OptionalInt.empty();
    private boolean shuffle = true;
    private long steps = 1000;
    private long seed;
    private double lr = 1e-6;
    private String schedule = "constant";
    private long warmup;
    private double weightDecay;
    private double eps = 1e-3;
    private String perturbation = "gaussian";
    private int rank = DirectionOptions.DEFAULT_RANK;
    private int window = DirectionOptions.DEFAULT_WINDOW;
    private int queries = 1;
    private String optimizer = "mezo-sgd";
    private double beta = Optimizers.DEFAULT_BETA;
    private OptionalInt foldEvery = OptionalInt.empty();
    private Rounding rounding = Rounding.NEAREST;
    private Matmul matmul = Matmul.NATIVE;
    private Optional<DType> dtype = Optional.empty();
    private MemoryConfig memory = MemoryConfig.DEFAULT;
    private long evalEvery;
    private OptionalLong checkpointEvery = OptionalLong.empty();
    private Keep keep = Keep.LAST;
    private boolean resume;
    private Optional<Path> trace = Optional.empty();
    private OptionalInt metricsPort = OptionalInt.empty();

    TuneConfigBuilder(Path model, Path train, Path out) {
        this.model = model;
        this.train = train;
        this.out = out;
    }

    /** Held-out file. */
    public TuneConfigBuilder eval(Path file) {
        eval = Optional.of(file);
        return this;
    }

    /** How an example becomes tokens, all of it. */
    public TuneConfigBuilder task(TaskConfig config) {
        template = config.template();
        labelWords = config.labelWords();
        seqLen = config.seqLen();
        pack = config.pack();
        return this;
    }

    /** Prompt with {@code {text}} in it. */
    public TuneConfigBuilder template(String text) {
        template = Optional.of(text);
        return this;
    }

    /** Word of each label. */
    public TuneConfigBuilder labelWords(List<String> words) {
        labelWords = List.copyOf(words);
        return this;
    }

    /** Longest sequence. */
    public TuneConfigBuilder seqLen(int tokens) {
        seqLen = OptionalInt.of(tokens);
        return this;
    }

    /** Whether running text fills whole sequences. */
    public TuneConfigBuilder pack(boolean on) {
        pack = on;
        return this;
    }

    /** Held-out end of a {@code .txt}. */
    public TuneConfigBuilder evalSplit(double fraction) {
        evalSplit = fraction;
        return this;
    }

    /** Examples a step. */
    public TuneConfigBuilder batchSize(int examples) {
        batchSize = examples;
        return this;
    }

    /** Examples that pass together; the batch unless set. */
    public TuneConfigBuilder microBatch(int examples) {
        microBatch = OptionalInt.of(examples);
        return this;
    }

    /** Whether each epoch has its own order. */
    public TuneConfigBuilder shuffle(boolean on) {
        shuffle = on;
        return this;
    }

    /** Steps of the run. */
    public TuneConfigBuilder steps(long count) {
        steps = count;
        return this;
    }

    /** The run's seed. */
    public TuneConfigBuilder seed(long value) {
        seed = value;
        return this;
    }

    /** Learning rate. */
    public TuneConfigBuilder lr(double rate) {
        lr = rate;
        return this;
    }

    /** Curve of the learning rate. */
    public TuneConfigBuilder schedule(String name) {
        schedule = name;
        return this;
    }

    /** Steps of warm-up. */
    public TuneConfigBuilder warmup(long count) {
        warmup = count;
        return this;
    }

    /** Weight decay. */
    public TuneConfigBuilder weightDecay(double decay) {
        weightDecay = decay;
        return this;
    }

    /** Scale of the perturbation. */
    public TuneConfigBuilder eps(double scale) {
        eps = scale;
        return this;
    }

    /** What z is drawn from. */
    public TuneConfigBuilder perturbation(String name) {
        perturbation = name;
        return this;
    }

    /** Rank of a low-rank perturbation. */
    public TuneConfigBuilder rank(int value) {
        rank = value;
        return this;
    }

    /** Steps for which a low-rank perturbation keeps its right factor. */
    public TuneConfigBuilder window(int count) {
        window = count;
        return this;
    }

    /** Directions a step. */
    public TuneConfigBuilder queries(int count) {
        queries = count;
        return this;
    }

    /** Name of the update rule. */
    public TuneConfigBuilder optimizer(String name) {
        optimizer = name;
        return this;
    }

    /** Share of the momentum that a step keeps. */
    public TuneConfigBuilder beta(double share) {
        beta = share;
        return this;
    }

    /** Steps between folds; unless set, the window of a low-rank perturbation, else 1. */
    public TuneConfigBuilder foldEvery(int count) {
        foldEvery = OptionalInt.of(count);
        return this;
    }

    /** Rounding of a fold. */
    public TuneConfigBuilder rounding(Rounding kind) {
        rounding = kind;
        return this;
    }

    /** What products compute on. */
    public TuneConfigBuilder matmul(Matmul type) {
        matmul = type;
        return this;
    }

    /** Dtype to tune in. */
    public TuneConfigBuilder dtype(DType type) {
        dtype = Optional.of(type);
        return this;
    }

    /** Where the bytes may be. */
    public TuneConfigBuilder memory(MemoryConfig config) {
        memory = config;
        return this;
    }

    /** Steps between evaluations. */
    public TuneConfigBuilder evalEvery(long count) {
        evalEvery = count;
        return this;
    }

    /** Steps between checkpoints, 0 for none; as often as costs next to nothing if not called. */
    public TuneConfigBuilder checkpointEvery(long count) {
        checkpointEvery = OptionalLong.of(count);
        return this;
    }

    /** Which step's weights are saved in the end. */
    public TuneConfigBuilder keep(Keep which) {
        keep = which;
        return this;
    }

    /** Whether to go on from what the output folder holds. */
    public TuneConfigBuilder resume(boolean on) {
        resume = on;
        return this;
    }

    /** File for the timeline. */
    public TuneConfigBuilder trace(Path file) {
        trace = Optional.of(file);
        return this;
    }

    /** Port at which figures are served. */
    public TuneConfigBuilder metricsPort(int port) {
        metricsPort = OptionalInt.of(port);
        return this;
    }

    /** What decides the bytes of the result, checked. */
    public ArithmeticConfig arithmetic() {
        // What is below 1 is refused by its name, with all else that is wrong.
        DirectionOptions options =
                new DirectionOptions(seed, Math.max(1, rank), Math.max(1, window));
        int gathers = Directions.named(perturbation, options).window();
        return new ArithmeticConfig(
                steps,
                seed,
                lr,
                schedule,
                warmup,
                weightDecay,
                eps,
                perturbation,
                rank,
                window,
                queries,
                optimizer,
                beta,
                foldEvery.orElse(Math.max(1, gathers)),
                rounding,
                matmul,
                dtype);
    }

    /** The run, checked. */
    public TuneConfig build() {
        TaskConfig task = new TaskConfig(template, labelWords, seqLen, pack);
        int passTogether = microBatch.orElse(batchSize);
        return new TuneConfig(
                model,
                new DataConfig(train, eval, task, evalSplit, batchSize, passTogether, shuffle),
                arithmetic(),
                memory,
                new OutputConfig(
                        out, evalEvery, checkpointEvery, keep, resume, trace, metricsPort));
    }
}
