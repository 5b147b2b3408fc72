package io.millrace.api;

import io.millrace.api.ModelOptions.AskOptions;
import io.millrace.executor.Evaluation;
import io.millrace.executor.Generation;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.BegunAdapter;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.hub.HubModels;
import io.millrace.model.hub.HubSettings;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineCatalog;
import io.millrace.prefetch.plan.MachineFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * A model in its folder. Nothing of it is held between calls, each of which reads what it needs.
 */
public final class Model {
    private final Path folder;

    private Model(Path folder) {
        this.folder = folder;
    }

    /**
     * A model's folder, a hub cache's folder of one, or a name on the hub such as {@code
     * facebook/opt-125m}, which is looked for in the cache and then downloaded; hub, cache and
     * token are those that the variables of Hugging Face's library name.
     *
     * @throws BadInputException where a name on the hub is meant and the model cannot be had
     */
    public static Model open(String folderOrName) {
        HubSettings hub = HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home")));
        return new Model(new HubModels(hub, _ -> {}, _ -> {}).folder(Path.of(folderOrName)));
    }

    /** A model's folder. */
    public static Model open(Path folder) {
        return new Model(HubModels.there(folder));
    }

    /** Where it lies. */
    public Path folder() {
        return folder;
    }

    /**
     * Tunes: what {@code millrace tune} does.
     *
     * @param options those of {@code tune}; {@code train} and {@code out} have to be among them
     * @throws BadInputException where the input is refused; the output folder is as it was then
     */
    public Tuned tune(ModelOptions options) {
        return tune(options, TuneListener.SILENT);
    }

    /** The same with somebody who watches. */
    public Tuned tune(ModelOptions options, TuneListener listener) {
        List<Option<?>> taken =
                joined(
                        List.of(DataConfig.TRAIN, OutputConfig.OUT, OutputConfig.METRICS_PORT),
                        DataConfig.OPTIONS,
                        TaskConfig.OPTIONS,
                        List.of(Methods.METHOD),
                        ArithmeticConfig.OPTIONS,
                        MemoryConfig.OPTIONS,
                        OutputConfig.OPTIONS);
        Settings told = options.settings(taken, "tune").with(TuneConfig.MODEL, folder);
        for (Option<?> needed : List.of(DataConfig.TRAIN, OutputConfig.OUT)) {
            if (!told.has(needed)) {
                throw new BadInputException(
                        needed.spelled(), "is missing", "give " + needed.label());
            }
        }
        TuneConfig config = TuneConfig.builder(Methods.resolve(told)).build();
        return Tuned.of(TuningRun.run(config, heard(listener)));
    }

    private static RunListener heard(TuneListener listener) {
        return new RunListener() {
            @Override
            public void onStep(StepProgress step) {
                listener.onStep(step.step(), step.totalSteps(), step.loss(), step.stepSeconds());
            }

            @Override
            public void onEval(long step, double loss, double accuracy) {
                listener.onEvaluation(step, loss, accuracy);
            }

            @Override
            public boolean stopRequested() {
                return listener.stops();
            }
        };
    }

    /**
     * Evaluates: what {@code millrace eval} does.
     *
     * @param data a data file of any kind, or a folder of them
     * @param options those of {@code eval}, but for demonstrations
     */
    public Scores evaluate(Path data, ModelOptions options) {
        List<Option<?>> taken =
                joined(
                        List.of(
                                AskOptions.METRIC,
                                AskOptions.STRIDE,
                                AskOptions.MAX_NEW_TOKENS,
                                DataConfig.BATCH_SIZE,
                                BegunAdapter.ADAPTER),
                        TaskConfig.OPTIONS,
                        MemoryConfig.OPTIONS);
        Settings told = options.settings(taken, "eval");
        TaskConfig task = new TaskConfig(told);
        Optional<Metric> metric = told.find(AskOptions.METRIC).map(Model::metric);
        EvalConfig.Asked asked =
                new EvalConfig.Asked(
                        metric.isEmpty() && task.task().isEmpty()
                                ? Optional.of(Metric.LOSS)
                                : metric,
                        optional(told.find(AskOptions.STRIDE)),
                        Optional.empty(),
                        told.find(AskOptions.MAX_NEW_TOKENS).orElse(50));
        return Scores.of(
                Evaluation.run(
                        new EvalConfig(
                                folder,
                                data,
                                asked,
                                task,
                                told.get(DataConfig.BATCH_SIZE),
                                new MemoryConfig(told),
                                told.find(BegunAdapter.ADAPTER))));
    }

    private static Metric metric(String name) {
        try {
            return OptionTypes.oneOf(Metric.values()).parse().apply(List.of(name));
        } catch (IllegalArgumentException e) {
            throw new BadInputException(
                    AskOptions.METRIC.spelled(), e.getMessage(), "give one of them");
        }
    }

    /**
     * Goes on with a text, or answers it: what {@code millrace generate} does.
     *
     * @param prompt the text
     * @param options those of {@code generate}
     */
    public Generated generate(String prompt, ModelOptions options) {
        List<Option<?>> taken =
                joined(
                        List.of(
                                AskOptions.MAX_NEW_TOKENS,
                                AskOptions.CHAT,
                                AskOptions.SYSTEM,
                                AskOptions.TEMPERATURE,
                                AskOptions.TOP_K,
                                AskOptions.TOP_P,
                                AskOptions.STOP,
                                ArithmeticConfig.SEED,
                                BegunAdapter.ADAPTER),
                        MemoryConfig.OPTIONS);
        Settings told = options.settings(taken, "generate");
        boolean chats = told.get(AskOptions.CHAT);
        if (told.has(AskOptions.SYSTEM) && !chats) {
            throw new BadInputException(
                    AskOptions.SYSTEM.spelled(),
                    "is given without --chat",
                    "add it, or put the text into the prompt");
        }
        Generation.Result result =
                Generation.run(
                        new GenerateConfig(
                                folder,
                                prompt,
                                chats
                                        ? Optional.of(
                                                new GenerateConfig.Turn(
                                                        told.find(AskOptions.SYSTEM), List.of()))
                                        : Optional.empty(),
                                new GenerateConfig.Writing(
                                        told.find(AskOptions.MAX_NEW_TOKENS).orElse(32),
                                        sampling(told),
                                        told.find(AskOptions.STOP).orElse(List.of())),
                                new MemoryConfig(told),
                                told.find(BegunAdapter.ADAPTER)));
        return new Generated(result.text(), boxed(result.promptIds()), boxed(result.newIds()));
    }

    private static Optional<GenerateConfig.Sampling> sampling(Settings told) {
        boolean draws =
                told.has(AskOptions.TEMPERATURE)
                        || told.has(AskOptions.TOP_K)
                        || told.has(AskOptions.TOP_P)
                        || told.has(ArithmeticConfig.SEED);
        return draws
                ? Optional.of(
                        new GenerateConfig.Sampling(
                                told.find(AskOptions.TEMPERATURE).orElse(1.0),
                                told.find(AskOptions.TOP_K).orElse(Integer.MAX_VALUE),
                                told.find(AskOptions.TOP_P).orElse(1.0),
                                told.find(ArithmeticConfig.SEED).orElse(0L)))
                : Optional.empty();
    }

    /**
     * Plans: what {@code millrace plan} says of a folder, without the sweep over budgets.
     *
     * @param options those of a run; and {@code machine}, a file as {@code probe --json} prints it,
     *     without which the machine's rates are assumed
     * @throws BadInputException where a budget is too small, naming the smallest that works, or the
     *     objective asks all candidates and {@code label-words} are not told
     */
    public Plan plan(ModelOptions options) {
        List<Option<?>> taken =
                joined(
                        List.of(
                                AskOptions.MACHINE,
                                DataConfig.BATCH_SIZE,
                                DataConfig.MICRO_BATCH,
                                TaskConfig.SEQ_LEN,
                                TaskConfig.LABEL_WORDS,
                                ManyConfigs.ADAPTERS,
                                Methods.METHOD),
                        ArithmeticConfig.STEP,
                        MemoryConfig.OPTIONS);
        Settings told = Methods.resolve(options.settings(taken, "plan"));
        ArithmeticConfig arithmetic = TuneConfig.builder(told).arithmetic();
        PlanOptions wanted = PlanOptions.of(told, arithmetic);
        Machine machine =
                told.find(AskOptions.MACHINE)
                        .map(file -> MachineFile.read(Path.of(file)))
                        .orElseGet(MachineCatalog::assumedHere);
        if (told.has(MemoryConfig.DEVICE)) {
            machine = with(machine, wanted.memory().device());
        }
        return Plan.of(
                ModelPlanner.plan(
                        ModelShape.ofFolder(folder, arithmetic.dtype()), wanted, machine, false));
    }

    private static Machine with(Machine machine, DeviceName name) {
        if (machine.device().name().kind().onHostCores() != name.kind().onHostCores()) {
            throw new BadInputException(
                    MemoryConfig.DEVICE.spelled(),
                    "'" + name + "' is not what this machine is known to have",
                    "give a machine that has it");
        }
        return machine.withDevice(machine.device().withName(name));
    }

    @SafeVarargs
    private static List<Option<?>> joined(Collection<? extends Option<?>>... groups) {
        List<Option<?>> all = new ArrayList<>();
        for (Collection<? extends Option<?>> group : groups) {
            group.stream().filter(option -> !all.contains(option)).forEach(all::add);
        }
        return all;
    }

    private static OptionalInt optional(Optional<Integer> value) {
        return value.map(OptionalInt::of).orElse(OptionalInt.empty());
    }

    private static List<Integer> boxed(int[] ids) {
        return IntStream.of(ids).boxed().toList();
    }
}
