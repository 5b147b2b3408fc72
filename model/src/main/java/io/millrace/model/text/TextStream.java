package io.millrace.model.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Running text as one stream of tokens, cut into windows: every token is in one window, in order. A
 * window scores all its tokens but the first. A last window of a single token would score nothing
 * and is left out.
 */
public final class TextStream implements Dataset {
    private final DataKind kind;
    private final int[] tokens;
    private final int windowTokens;
    private final List<Example> windows;

    /**
     * A stream.
     *
     * @param kind where it comes from
     * @param tokens at least 2
     * @param windowTokens length of a window, at least 2
     */
    public TextStream(DataKind kind, int[] tokens, int windowTokens) {
        if (tokens.length < 2 || windowTokens < 2) {
            throw new IllegalArgumentException(
                    tokens.length + " tokens in windows of " + windowTokens);
        }
        this.kind = kind;
        this.tokens = tokens;
        this.windowTokens = windowTokens;
        List<Example> cut = new ArrayList<>();
        for (int from = 0; from + 1 < tokens.length; from += windowTokens) {
            int to = Math.min(tokens.length - from, windowTokens) + from;
            cut.add(Example.scoringAll(Arrays.copyOfRange(tokens, from, to)));
        }
        windows = List.copyOf(cut);
    }

    /** The number of tokens in the stream. */
    public int tokenCount() {
        return tokens.length;
    }

    /**
     * The same text in windows that overlap: each begins {@code stride} tokens behind the one
     * before it, and of its tokens those are scored that no window before it had. So every token
     * but the first is scored once, with as much before it as a window leaves.
     *
     * @param stride at least 1 and below the window
     */
    public Dataset strided(int stride) {
        if (stride < 1 || stride >= windowTokens) {
            throw new IllegalArgumentException(
                    "a stride of " + stride + " in windows of " + windowTokens);
        }
        List<Example> cut = new ArrayList<>();
        int scoredTo = 1;
        for (int from = 0; scoredTo < tokens.length; from += stride) {
            int to = Math.min(tokens.length, from + windowTokens);
            if (to > scoredTo) {
                int[] window = Arrays.copyOfRange(tokens, from, to);
                cut.add(Example.scoringLast(window, Math.min(window.length, to - scoredTo)));
                scoredTo = to;
            }
        }
        return ExampleSet.of(kind, cut);
    }

    @Override
    public DataKind kind() {
        return kind;
    }

    @Override
    public List<Example> examples() {
        return windows;
    }

    @Override
    public List<ClassificationExample> classification() {
        return List.of();
    }

    @Override
    public Split split(double heldOut) {
        int point = Dataset.splitPoint(tokens.length, heldOut, 2, "tokens");
        return new Split(part(0, point), part(point, tokens.length));
    }

    private TextStream part(int from, int to) {
        return new TextStream(kind, Arrays.copyOfRange(tokens, from, to), windowTokens);
    }
}
