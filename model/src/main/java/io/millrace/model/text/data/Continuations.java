package io.millrace.model.text.data;

import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import java.util.Arrays;
import java.util.List;

/**
 * Prompts with scored continuations behind them.
 *
 * <p>The prompt's ids are always {@code encodePrompt(prompt)}. A continuation's ids are what {@code
 * encodePrompt(prompt + continuation)} has behind them; where the tokenizer merges across the seam,
 * so that there is no such thing, they are {@code encode(continuation)} by itself.
 *
 * <p>A prompt that is too long loses tokens from its left, behind the beginning mark, until the
 * longest continuation fits: the end of the prompt and the continuation survive, and all
 * continuations see the same prompt.
 */
final class Continuations {
    private final Tokenizer tokenizer;
    private final int seqLen;

    Continuations(Tokenizer tokenizer, int seqLen) {
        this.tokenizer = tokenizer;
        this.seqLen = seqLen;
    }

    /**
     * Examples of one prompt.
     *
     * @param examples one for each continuation, or none when one does not fit behind any prompt
     * @param cut tokens that the prompt lost
     */
    record Made(List<Example> examples, int cut) {}

    /** An example for each continuation. */
    Made examples(String prompt, List<String> continuations) {
        int[] context = tokenizer.encodePrompt(prompt);
        List<int[]> tails = continuations.stream().map(c -> tail(prompt, context, c)).toList();
        int room = seqLen - tails.stream().mapToInt(tail -> tail.length).max().orElse(0);
        int leading = tokenizer.leadingSpecials();
        int needed = Math.min(context.length, leading + 1);
        if (room < needed) {
            return new Made(List.of(), 0);
        }
        int[] kept = cutFromLeft(context, leading, room);
        List<Example> examples =
                tails.stream().map(tail -> Example.scoringContinuation(kept, tail)).toList();
        return new Made(examples, context.length - kept.length);
    }

    private int[] tail(String prompt, int[] context, String continuation) {
        int[] joint = tokenizer.encodePrompt(prompt + continuation);
        boolean isPrefix =
                joint.length > context.length
                        && Arrays.equals(joint, 0, context.length, context, 0, context.length);
        return isPrefix
                ? Arrays.copyOfRange(joint, context.length, joint.length)
                : tokenizer.encode(continuation, false);
    }

    private static int[] cutFromLeft(int[] context, int leading, int room) {
        if (context.length <= room) {
            return context;
        }
        int[] marks = Arrays.copyOf(context, leading);
        int from = context.length - (room - leading);
        return Tokenizer.concat(marks, Arrays.copyOfRange(context, from, context.length));
    }
}
