package io.millrace.model.text.option;

import io.millrace.memory.BadInputException;
import java.util.HashSet;
import java.util.List;

/**
 * How labelled rows are asked and answered.
 *
 * @param template the prompt, with {@code {text}} or another of the row's fields in braces; doubled
 *     braces stand for themselves
 * @param words the continuation that stands for each label, in the order of the labels; empty when
 *     there are none
 * @param names what the data calls the labels, in their order; empty where they are numbers
 */
public record LabelOptions(String template, List<String> words, List<String> names) {
    /** The text alone, and no labels. */
    public static final LabelOptions NONE = new LabelOptions("{text}", List.of(), List.of());

    /** Checks the words. */
    public LabelOptions {
        words = List.copyOf(words);
        names = List.copyOf(names);
        if (words.size() == 1 || new HashSet<>(words).size() != words.size()) {
            throw new BadInputException(
                    "--label-words",
                    "needs two or more different words, has " + words,
                    "give one for each label, in the order of the labels");
        }
        if (words.contains("")) {
            throw new BadInputException(
                    "--label-words", "has an empty word", "give one for each label");
        }
        if (!words.isEmpty() && !names.isEmpty() && names.size() != words.size()) {
            throw new BadInputException(
                    "--label-names",
                    "has " + names.size() + " names for " + words.size() + " label words",
                    "name each label, in the order of the words");
        }
    }
}
