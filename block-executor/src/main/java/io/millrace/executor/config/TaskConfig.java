package io.millrace.executor.config;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How an example becomes tokens.
 *
 * @param template prompt of labelled examples, with {@code {text}} where a line's text goes; the
 *     text alone where empty
 * @param labelWords what stands for label 0, 1, …, exactly as it follows the prompt
 * @param seqLen longest sequence in tokens; the model's own limit where empty
 * @param pack whether running text fills whole sequences
 */
public record TaskConfig(
        Optional<String> template, List<String> labelWords, OptionalInt seqLen, boolean pack) {
    /** No template, the model's sequence length, packed. */
    public static final TaskConfig DEFAULT =
            new TaskConfig(Optional.empty(), List.of(), OptionalInt.empty(), true);

    /** Checks every field. */
    public TaskConfig {
        labelWords = List.copyOf(labelWords);
        Check.that(
                labelWords.size() != 1,
                "--label-words",
                "one word cannot tell labels apart",
                "give a word for each label, such as \" terrible, great\"");
        Check.that(
                labelWords.stream().noneMatch(String::isEmpty),
                "--label-words",
                "a word is empty",
                "give a word for each label, such as \" terrible, great\"");
        Check.that(
                new HashSet<>(labelWords).size() == labelWords.size(),
                "--label-words",
                "two labels share a word",
                "give each label its own word");
        checkLength(seqLen);
    }

    /**
     * Checks a sequence length as far as it can be without a model.
     *
     * @throws io.millrace.memory.BadInputException where no run could have it
     */
    public static void checkLength(OptionalInt seqLen) {
        seqLen.ifPresent(length -> Check.atLeast(2, length, "--seq-len"));
    }

    void addOptions(Map<String, Object> options) {
        template.ifPresent(text -> options.put("template", text));
        if (!labelWords.isEmpty()) {
            options.put("label-words", labelWords);
        }
        seqLen.ifPresent(length -> options.put("seq-len", length));
        options.put("pack", pack);
    }
}
