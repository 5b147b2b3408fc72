package io.millrace.executor.run;

import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.data.SampleSettings;
import io.millrace.memory.BadInputException;
import io.millrace.model.program.Answers;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.data.DatasetReader;
import io.millrace.model.text.data.Reading;
import io.millrace.model.text.data.TaskReader;
import io.millrace.model.text.option.DataPart;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.option.LabelOptions;
import io.millrace.model.text.option.RowOptions;
import io.millrace.model.text.task.Task;
import io.millrace.model.text.task.known.Tasks;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/** Reads files as a task configuration says, for a model. */
public final class DataSource {
    /** MeZO's code begins OPT's sequences with {@code <s>}, and not with its own mark. */
    private static final String OPT = "opt";

    private final TaskConfig config;
    private final Tokenizer tokenizer;
    private final DatasetOptions options;
    private final Optional<Task> task;
    private final OptionalInt first;

    /**
     * A source.
     *
     * @param config how an example becomes tokens
     * @param program of the model
     * @param tokenizer of the model; its owner closes it
     * @throws BadInputException when the task is not one for such a model
     */
    public DataSource(TaskConfig config, ModelProgram program, Tokenizer tokenizer) {
        this.config = config;
        this.tokenizer = tokenizer;
        task = config.task().map(name -> task(name, program));
        options = options(config, task, program);
        boolean numbered =
                config.settings().has(SampleSettings.TRAIN)
                        || config.settings().has(SampleSettings.DEV);
        if (numbered && program.answers() == Answers.IN_PLACE) {
            throw new BadInputException(
                    "--sample-train and --sample-dev",
                    "are for models that go on with a text",
                    "give --shots for a masked language model");
        }
        first = program.modelType().equals(OPT) ? OptionalInt.of(0) : OptionalInt.empty();
    }

    private static Task task(String name, ModelProgram program) {
        Optional<? extends Task> found =
                switch (program.answers()) {
                    case NEXT -> Tasks.prompt(name);
                    case IN_PLACE -> Tasks.mask(name);
                    case FIRST -> Optional.empty();
                };
        boolean masked = program.answers() == Answers.IN_PLACE;
        return found.<Task>map(one -> one)
                .orElseThrow(() ->
                        new BadInputException(
                                SampleSettings.TASK.spelled(),
                                name + " is no task for a " + program.modelType() + " model",
                                program.answers() == Answers.FIRST
                                        ? "give {\"text\", \"label\"} rows without a task"
                                        : "give one of "
                                                + String.join(
                                                        ", ",
                                                        (masked ? Tasks.MASKS : Tasks.PROMPTS)
                                                                .stream()
                                                                        .map(Task::name)
                                                                        .toList())));
    }

    private static DatasetOptions options(
            TaskConfig config, Optional<Task> task, ModelProgram program) {
        int longest = program.maxPositions();
        int usual = task.map(one -> Math.min(one.seqLen(), longest)).orElse(longest);
        String template = config.template().orElse("{text}");
        DatasetOptions plain =
                DatasetOptions.of(config.seqLen().orElse(usual), longest, program.vocabSize())
                        .withPack(config.pack())
                        .withRows(config.rows())
                        .withLabelling(
                                new LabelOptions(
                                        config.labelWords().isEmpty() ? "{text}" : template,
                                        config.labelWords(),
                                        config.labelNames()));
        return switch (program.answers()) {
            case NEXT -> plain;
            case IN_PLACE -> plain.masked();
            case FIRST -> plain.classifying(template, program.logitCount());
        };
    }

    /** The task, if there is one. */
    public Optional<Task> task() {
        return task;
    }

    /** Tokens of the longest sequence that is made. */
    public int seqLen() {
        return options.seqLen();
    }

    /** All of a file or folder to tune on. */
    Dataset train(Path path) {
        return reading(path, DataPart.TRAIN).told();
    }

    /** A task's training part, divided into what is tuned on and what is held out. */
    Dataset.Split divide(Path path) {
        return reader(options).divide(path);
    }

    /** What a run is judged by; of a folder its held-out part, whatever split is tuned on. */
    Dataset heldOut(Path path) {
        RowOptions rows = options.rows();
        DatasetOptions usual =
                options.withRows(new RowOptions(rows.columns(), Optional.empty(), rows.skipsBad()));
        return task.isPresent()
                ? reader(usual).evaluated(path).told()
                : DatasetReader.read(path, DataPart.HELD_OUT, usual, tokenizer);
    }

    /** What is evaluated on by itself. */
    public Reading evaluated(Path path) {
        return task.isPresent()
                ? reader(options).evaluated(path)
                : DatasetReader.readAll(path, DataPart.HELD_OUT, options, tokenizer);
    }

    /** The same behind demonstrations that are drawn from a training part. */
    public Reading demonstrated(Path pool, int each, Path path) {
        if (task.isEmpty()) {
            throw new BadInputException(
                    "--demonstrations",
                    "are given without --task",
                    "add --task, or leave them out");
        }
        return reader(options).demonstrated(pool, each, path);
    }

    /** All of a path, with what became of its rows. */
    public Reading reading(Path path, DataPart part) {
        return task.isPresent()
                ? reader(options).all(path, part)
                : DatasetReader.readAll(path, part, options, tokenizer);
    }

    private TaskReader reader(DatasetOptions with) {
        return new TaskReader(task.orElseThrow(), config.sampling(), first, with, tokenizer);
    }
}
