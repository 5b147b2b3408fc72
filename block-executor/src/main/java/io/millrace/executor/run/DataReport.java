package io.millrace.executor.run;

import io.millrace.model.text.data.Reading;
import java.util.List;
import java.util.SortedMap;

/**
 * What data becomes.
 *
 * @param reading the examples, and what became of the rows
 * @param sizes what the examples are together
 * @param lengths how many examples have up to so many tokens, and more than the length before
 * @param shown the first examples
 */
public record DataReport(
        Reading reading, Sizes sizes, SortedMap<Integer, Integer> lengths, List<Shown> shown) {
    /**
     * What the examples are together.
     *
     * @param examples how many
     * @param candidates of all examples; 0 where there is nothing to choose among
     * @param tokens of all examples, of candidates those of the right one
     * @param scored of these
     * @param longest of the longest example, candidates included
     * @param seqLen the most that an example may have
     */
    public record Sizes(
            int examples, long candidates, long tokens, long scored, int longest, int seqLen) {}

    /** An example as text. */
    public record Shown(int tokens, int scored, List<Part> parts) {}

    /** Some of its text that is scored, or that is not. */
    public record Part(String text, boolean scored) {}
}
