package io.millrace.bench.learning;

import io.millrace.bench.program.Options;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.DType;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * A model and data on which methods are compared, as a program's options name them.
 *
 * @param told what every run is told, whatever its method
 */
public record LearningTask(Settings told) {
    private static final int BATCH = 16;

    /**
     * Reads {@code --model DIR --train FILE (--eval FILE | --eval-split F) [--template TEXT
     * --label-words A,B] [--seq-len N] [--batch 16] [--dtype NAME]}.
     */
    public static LearningTask of(Options given) {
        return new LearningTask(
                Settings.NONE
                        .with(TuneConfig.MODEL, given.find("--model").map(Path::of))
                        .with(DataConfig.TRAIN, given.find("--train").map(Path::of))
                        .with(DataConfig.EVAL, given.find("--eval").map(Path::of))
                        .with(
                                DataConfig.EVAL_SPLIT,
                                given.find("--eval-split").map(Double::parseDouble))
                        .with(DataConfig.BATCH_SIZE, given.number("--batch", BATCH))
                        .with(TaskConfig.TEMPLATE, given.find("--template"))
                        .with(
                                TaskConfig.LABEL_WORDS,
                                given.find("--label-words")
                                        .map(words ->
                                                OptionTypes.WORDS.parse().apply(List.of(words))))
                        .with(TaskConfig.SEQ_LEN, given.find("--seq-len").map(Integer::valueOf))
                        .with(ArithmeticConfig.DTYPE, given.find("--dtype").flatMap(DType::find))
                        .with(OutputConfig.CHECKPOINT_EVERY, OptionalLong.of(0)));
    }
}
