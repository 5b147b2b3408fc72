package io.millrace.executor.run;

import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.objective.GreedyAnswers;
import io.millrace.memory.BadInputException;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a run tunes on and is judged by.
 *
 * @param train examples of the steps
 * @param eval held-out examples, or null
 * @param answers writes the answers of evaluations that judge them
 */
public record TrainingData(Dataset train, Dataset eval, Optional<GreedyAnswers> answers) {
    /** Without answers. */
    public TrainingData(Dataset train, Dataset eval) {
        this(train, eval, Optional.empty());
    }

    /** The same with answers. */
    TrainingData withAnswers(GreedyAnswers written) {
        return new TrainingData(train, eval, Optional.of(written));
    }

    /** Reads and checks a run's files; the tokenizer is closed again. */
    public static TrainingData read(DataConfig config, Path model, ModelProgram program) {
        try (Tokenizer tokenizer = Tokenizer.of(model, program.vocabSize())) {
            TaskConfig task = config.task();
            DataSource source = new DataSource(task, program, tokenizer);
            boolean drawn = task.task().isPresent() && (config.eval().isEmpty() || task.draws());
            if (drawn || config.evalSplit() > 0) {
                Dataset.Split split =
                        drawn
                                ? source.divide(config.train())
                                : source.train(config.train()).split(config.evalSplit());
                return new TrainingData(
                        split.train(), config.eval().map(source::heldOut).orElse(split.heldOut()));
            }
            Dataset train = source.train(config.train());
            return new TrainingData(train, config.eval().map(source::heldOut).orElse(null));
        }
    }

    /** Reads and checks one file to tune on. */
    public static Dataset read(Path file, TaskConfig task, Path model, ModelProgram program) {
        try (Tokenizer tokenizer = Tokenizer.of(model, program.vocabSize())) {
            return new DataSource(task, program, tokenizer).train(file);
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
        int held = eval == null ? 0 : eval.maxLength();
        int written = answers.map(GreedyAnswers::longest).orElse(0);
        return Math.max(train.maxLength(), Math.max(held, written));
    }
}
