package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import java.util.ArrayList;
import java.util.List;

/** The examples of one data file, in the file's order. */
public sealed interface Dataset permits ExampleSet, TextStream {

    /** What the file holds. */
    DataKind kind();

    /** The examples, never empty. */
    List<Example> examples();

    /** The examples with all their candidates; empty unless there are some to choose among. */
    List<ClassificationExample> classification();

    /** The prompts of the examples whose answers are written; empty unless a task has such. */
    default List<Question> questions() {
        return List.of();
    }

    /**
     * Holds out the end of the data: the last {@code heldOut} of the examples, or, of running text,
     * of the tokens, whatever the windows are.
     *
     * @param heldOut the share, above 0 and below 1; rounded down to whole examples or tokens
     * @throws BadInputException when that leaves nothing on one side
     */
    Split split(double heldOut);

    /** Token ids of the first examples, of so many that they have at least so many tokens. */
    default List<int[]> first(int tokens) {
        List<int[]> sequences = new ArrayList<>();
        int taken = 0;
        for (Example example : examples()) {
            sequences.add(example.ids());
            taken += example.length();
            if (taken >= tokens) {
                break;
            }
        }
        return sequences;
    }

    /**
     * The length of the longest sequence, candidates included; at least as many as the label words
     * that are asked for in one place.
     */
    default int maxLength() {
        int longest = 0;
        for (Example example : examples()) {
            longest = Math.max(longest, example.length());
        }
        for (ClassificationExample example : classification()) {
            for (Example candidate : example.candidates()) {
                longest = Math.max(longest, candidate.length());
            }
            if (example.isInPlace()) {
                longest = Math.max(longest, example.candidates().size());
            }
        }
        return longest;
    }

    /**
     * Two parts of a dataset.
     *
     * @param train what comes first in the file
     * @param heldOut the rest
     */
    record Split(Dataset train, Dataset heldOut) {}

    /** Where the held-out part begins, of {@code total} things that each side needs some of. */
    static int splitPoint(int total, double heldOut, int atLeast, String things) {
        if (!(heldOut > 0 && heldOut < 1)) {
            throw new BadInputException(
                    "held-out share", "is " + heldOut, "give a number above 0 and below 1");
        }
        int point = total - (int) Math.floor(total * heldOut);
        if (point < atLeast || total - point < atLeast) {
            throw new BadInputException(
                    "held-out share",
                    heldOut + " of " + total + " " + things + " leaves nothing on one side",
                    "give another share or more data");
        }
        return point;
    }
}
