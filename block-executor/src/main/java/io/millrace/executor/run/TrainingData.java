package io.millrace.executor.run;

import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.memory.BadInputException;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.DatasetOptions;
import io.millrace.model.text.DatasetReader;
import io.millrace.model.text.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a run tunes on and is judged by.
 *
 * @param train examples of the steps
 * @param eval held-out examples, or null
 */
public record TrainingData(Dataset train, Dataset eval) {

    /** Reads and checks a run's files; the tokenizer is closed again. */
    public static TrainingData read(DataConfig config, Path model, ModelProgram program) {
        try (Tokenizer tokenizer = Tokenizer.of(model, program.vocabSize())) {
            DatasetOptions options = options(config.task(), program);
            Dataset train = DatasetReader.read(config.train(), options, tokenizer);
            if (config.evalSplit() > 0) {
                Dataset.Split split = train.split(config.evalSplit());
                return new TrainingData(split.train(), split.heldOut());
            }
            Optional<Path> file = config.eval();
            return new TrainingData(
                    train,
                    file.map(path -> DatasetReader.read(path, options, tokenizer)).orElse(null));
        }
    }

    /** Reads and checks one file. */
    public static Dataset read(Path file, TaskConfig task, Path model, ModelProgram program) {
        try (Tokenizer tokenizer = Tokenizer.of(model, program.vocabSize())) {
            return DatasetReader.read(file, options(task, program), tokenizer);
        }
    }

    /** The same training data without its last examples, which are what it is judged by. */
    TrainingData holdingOut(int most) {
        int examples = train.examples().size();
        if (examples < 2) {
            throw new BadInputException(
                    "--train", "one example leaves none to judge by", "give more data");
        }
        // At most a fifth, and in the middle between two counts, so that rounding finds the one.
        double count = Math.max(1, Math.min(most, examples / 5)) + 0.5;
        Dataset.Split split = train.split(count / examples);
        return new TrainingData(split.train(), split.heldOut());
    }

    /** The longest sequence of either set. */
    public int maxLength() {
        return Math.max(train.maxLength(), eval == null ? 0 : eval.maxLength());
    }

    private static DatasetOptions options(TaskConfig task, ModelProgram program) {
        int seqLen = task.seqLen().orElse(program.maxPositions());
        String template = task.template().orElse("{text}");
        DatasetOptions plain =
                DatasetOptions.of(seqLen, program.maxPositions(), program.vocabSize())
                        .withPack(task.pack());
        DatasetOptions options =
                task.labelWords().isEmpty()
                        ? plain
                        : plain.withClassification(template, task.labelWords());
        return switch (program.answers()) {
            case NEXT -> options;
            case IN_PLACE -> options.masked();
            case FIRST, LAST ->
                    options.classifying(program.answers(), template, program.logitCount());
        };
    }
}
