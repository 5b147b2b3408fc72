package io.millrace.executor;

import io.millrace.model.text.Tokenizer;
import java.util.Arrays;
import java.util.List;

/** Texts that end an answer. */
final class StopTexts {
    private final List<String> stops;
    private final Tokenizer tokenizer;

    StopTexts(List<String> stops, Tokenizer tokenizer) {
        this.stops = stops;
        this.tokenizer = tokenizer;
    }

    /** Whether one of them is in what was written. */
    boolean isIn(int[] ids, int from, int to) {
        return !stops.isEmpty() && first(tokenizer.decode(Arrays.copyOfRange(ids, from, to))) >= 0;
    }

    /**
     * A text without what begins with the first of them in the answer.
     *
     * @param added the answer's ids
     * @param text that ends with the answer
     */
    String cut(int[] added, String text) {
        String answer = tokenizer.decode(added);
        int at = first(answer);
        return at < 0 ? text : text.substring(0, text.length() - (answer.length() - at));
    }

    private int first(String answer) {
        return stops.stream().mapToInt(answer::indexOf).filter(at -> at >= 0).min().orElse(-1);
    }
}
