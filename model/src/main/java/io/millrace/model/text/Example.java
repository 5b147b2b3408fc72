package io.millrace.model.text;

import java.util.Arrays;

/**
 * One sequence and what is scored in it.
 *
 * @param ids the tokens, at least one
 * @param labels {@code labels[i]} is the id that position {@code i - 1} should predict, {@link
 *     #NOT_SCORED} where nothing is scored; {@code labels[0]} never counts then, since nothing
 *     predicts it
 * @param inPlace whether position {@code i} itself should predict {@code labels[i]} instead
 */
@SuppressWarnings("ArrayRecordComponent") // shared and never written; copies would cost heap
public record Example(int[] ids, int[] labels, boolean inPlace) {
    /** The label of a token that is not scored. */
    public static final int NOT_SCORED = -100;

    /** A sequence in which every token is predicted by the one before it. */
    public Example(int[] ids, int[] labels) {
        this(ids, labels, false);
    }

    /** Checks that the two arrays belong together. */
    public Example {
        if (ids.length == 0 || ids.length != labels.length) {
            throw new IllegalArgumentException(ids.length + " ids, " + labels.length + " labels");
        }
    }

    /** A sequence whose every token but the first is scored. */
    public static Example scoringAll(int[] ids) {
        return new Example(ids, ids);
    }

    /** A context that is given, and a continuation that is scored. */
    public static Example scoringContinuation(int[] context, int[] continuation) {
        int[] ids = Tokenizer.concat(context, continuation);
        int[] labels = ids.clone();
        Arrays.fill(labels, 0, context.length, NOT_SCORED);
        return new Example(ids, labels);
    }

    /** A sequence of which the last tokens are scored. */
    public static Example scoringLast(int[] ids, int scored) {
        int[] labels = ids.clone();
        Arrays.fill(labels, 0, ids.length - scored, NOT_SCORED);
        return new Example(ids, labels);
    }

    /** The first label that counts. */
    public int firstLabel() {
        return inPlace ? 0 : 1;
    }

    /** The number of tokens. */
    public int length() {
        return ids.length;
    }

    /** The number of positions whose prediction is scored. */
    public int scoredTokens() {
        int scored = 0;
        for (int i = firstLabel(); i < labels.length; i++) {
            if (labels[i] != NOT_SCORED) {
                scored++;
            }
        }
        return scored;
    }
}
