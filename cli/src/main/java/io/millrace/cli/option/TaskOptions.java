package io.millrace.cli.option;

import io.millrace.executor.config.TaskConfig;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Option;

/** How an example becomes tokens. */
public final class TaskOptions {
    @Option(
            names = "--template",
            paramLabel = "TEXT",
            description =
                    "Prompt of labelled examples; {text} is where a line's text goes, and so for its other string fields.")
    private String template;

    @Option(
            names = "--label-words",
            paramLabel = "A,B",
            description =
                    "Word of label 0, 1, ..., exactly as it follows the prompt: \" terrible, great\"."
                            + " Given several times, each is one word, commas and all.")
    private List<String> labelWords = List.of();

    @Option(
            names = "--seq-len",
            paramLabel = "T",
            description = "Longest sequence in tokens. Default: the model's limit.")
    private Integer seqLen;

    @Option(
            names = "--no-pack",
            description =
                    "Running text: each line is an example, instead of joining lines to fill sequences.")
    private boolean noPack;

    public TaskConfig config() {
        return new TaskConfig(
                Optional.ofNullable(template),
                words(),
                seqLen == null ? OptionalInt.empty() : OptionalInt.of(seqLen),
                !noPack);
    }

    private List<String> words() {
        return labelWords.size() == 1 ? List.of(labelWords.getFirst().split(",", -1)) : labelWords;
    }
}
