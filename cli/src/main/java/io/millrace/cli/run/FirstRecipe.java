package io.millrace.cli.run;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.option.MachineOptions;
import io.millrace.cli.plan.RunPlanner;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.RecipeText;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.plan.Durations;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.executor.run.DataReport;
import io.millrace.executor.run.DataRequest;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.prefetch.plan.AvailableMemory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Asks for what a run needs, and makes a recipe of it that fits the machine. */
public final class FirstRecipe {
    private static final String AUTO = "auto";
    private static final String TEMPLATE = "{text} It was";
    private static final String WORDS = " terrible, great";
    private static final double HELD_OUT = 0.1;

    private final CommandContext context;
    private final BufferedReader answers;

    /** Asks on standard error, and is answered on standard input. */
    public FirstRecipe(CommandContext context) {
        this.context = context;
        answers = new BufferedReader(new InputStreamReader(context.in(), StandardCharsets.UTF_8));
    }

    /**
     * The recipe.
     *
     * @throws BadInputException where an answer cannot be taken, or the run would not fit
     * @throws IOException where answers cannot be read
     */
    public String text() throws IOException {
        Settings told =
                ask(
                        Settings.NONE,
                        TuneConfig.MODEL,
                        "Model: a Hugging Face folder, or owner/name on the hub",
                        sample("tiny-lm"));
        Path model = context.models().folder(told.get(TuneConfig.MODEL));
        ModelShape shape = ModelShape.ofFolder(model, Optional.empty());
        told =
                ask(
                        told,
                        DataConfig.TRAIN,
                        "Data: a file, or a folder of them",
                        sample("reviews-train.jsonl"));
        told = asLabelled(told, model);
        DataReport.Sizes sizes = sizes(told, model);
        long available = AvailableMemory.read().availableBytes();
        String memory =
                ask(
                        "Host memory that it may use, such as 12GiB; "
                                + AUTO
                                + " is what is free when it starts, now "
                                + ByteSize.format(available),
                        AUTO);
        if (!memory.equals(AUTO)) {
            told = with(told, MemoryConfig.HOST_BUDGET, memory);
        }
        long most = told.find(MemoryConfig.HOST_BUDGET).orElse(available);
        boolean isLarge = shape.layout().weightBytes() > most / 2;
        told =
                ask(
                        told,
                        TrainedTensors.TUNE,
                        "What to tune: full, or an adapter (lora), which leaves the model as it is",
                        isLarge || shape.formed().isPresent() ? "lora" : "full");
        told =
                ask(
                        told,
                        ArithmeticConfig.STEPS,
                        "Steps: some hundred to try, thousands for good",
                        "1000");
        return recipe(
                told.with(DataConfig.EVAL_SPLIT, HELD_OUT)
                        .with(
                                OutputConfig.EVAL_EVERY,
                                Math.max(1, told.get(ArithmeticConfig.STEPS) / 10))
                        .with(OutputConfig.OUT, Path.of("tuned")),
                model,
                sizes);
    }

    private String recipe(Settings told, Path model, DataReport.Sizes sizes) {
        ArithmeticConfig arithmetic =
                TuneConfig.builder(told.with(TuneConfig.MODEL, model)).arithmetic();
        Settings known = told.with(TaskConfig.SEQ_LEN, sizes.longest());
        ModelPlan plan =
                new RunPlanner(known, PlanOptions.of(known, arithmetic, 1))
                        .plan(
                                () -> ModelShape.ofFolder(model, arithmetic.dtype()),
                                new MachineOptions());
        double step = plan.forecast().stepSeconds();
        Settings fitting =
                told.with(DataConfig.MICRO_BATCH, plan.options().microBatch().orElseThrow());
        return RecipeText.of(
                List.of(
                        "Made by 'millrace init' for "
                                + plan.machine().name()
                                + ", where a step takes about "
                                + Durations.format(step)
                                + " and all of them "
                                + Durations.format(step * arithmetic.steps())
                                + ".",
                        "The learning rate decides most: 'millrace find' tries some."),
                fitting.with(ArithmeticConfig.LR, arithmetic.lr())
                        .with(ArithmeticConfig.EPS, arithmetic.eps()));
    }

    /** Rows with two labels are asked for a word each; these answers are where they come from. */
    private Settings asLabelled(Settings told, Path model) throws IOException {
        Settings asked =
                told.with(TaskConfig.TEMPLATE, TEMPLATE)
                        .with(TaskConfig.LABEL_WORDS, List.of(WORDS.split(",", -1)));
        try {
            if (sizes(asked, model).candidates() == 0) {
                return told;
            }
        } catch (BadInputException _) {
            return told; // rows of another kind, which the next reading tells of if they are bad
        }
        Settings with =
                ask(
                        told,
                        TaskConfig.TEMPLATE,
                        "The rows have labels. Prompt that the label's word follows, with {text} in it",
                        TEMPLATE);
        return ask(
                with, TaskConfig.LABEL_WORDS, "Words of the labels, in order, with commas", WORDS);
    }

    private DataReport.Sizes sizes(Settings told, Path model) {
        return context.engine()
                .inspect(
                        new DataRequest(
                                model, told.get(DataConfig.TRAIN), new TaskConfig(told), false))
                .sizes();
    }

    private String sample(String name) {
        Path path = context.home().resolve("samples").resolve(name);
        return Files.exists(path) ? path.normalize().toString() : "";
    }

    private <T> Settings ask(Settings told, Option<T> option, String question, String usual)
            throws IOException {
        return with(told, option, ask(question, usual));
    }

    private static <T> Settings with(Settings told, Option<T> option, String answer) {
        try {
            return told.with(option, option.type().parse().apply(List.of(answer)));
        } catch (IllegalArgumentException e) {
            throw new BadInputException(
                    option.name(),
                    e.getMessage(),
                    "answer with what " + option.spelled() + " takes");
        }
    }

    /** What is answered; the usual where nothing is. */
    private String ask(String question, String usual) throws IOException {
        context.err().print(question + (usual.isEmpty() ? ": " : " [" + usual.strip() + "]: "));
        context.err().flush();
        String answer = answers.readLine();
        if (answer == null) {
            context.err().println(); // nobody typed the end of the line
        }
        return answer == null || answer.isBlank() ? usual : answer;
    }
}
