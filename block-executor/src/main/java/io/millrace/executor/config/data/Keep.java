package io.millrace.executor.config.data;

import io.millrace.optim.option.OptionType;

/**
 * What a run saves in the end, and what it keeps of the way there.
 *
 * @param name {@code last}, {@code best} or a number
 * @param checkpoints the newest checkpoints that stay beside the model; 0 for none
 */
public record Keep(String name, int checkpoints) {
    /** The weights after the last step. */
    public static final Keep LAST = new Keep("last", 0);

    /** The weights after the evaluated step that was best. */
    public static final Keep BEST = new Keep("best", 0);

    /** Its type as an option. */
    public static final OptionType<Keep> TYPE = OptionType.spelled(Keep::parse, Keep::name);

    /** The weights after the last step, and beside them the newest checkpoints. */
    public static Keep newest(int count) {
        return new Keep(String.valueOf(count), count);
    }

    private static Keep parse(String text) {
        if (text.equals(LAST.name)) {
            return LAST;
        }
        if (text.equals(BEST.name)) {
            return BEST;
        }
        int count;
        try {
            count = Integer.parseInt(text);
        } catch (NumberFormatException e) {
            count = 0;
        }
        if (count < 1) {
            throw new IllegalArgumentException("'" + text + "' is not last, best or a number");
        }
        return newest(count);
    }

    /** Whether evaluations tell which weights are saved. */
    public boolean isBest() {
        return equals(BEST);
    }
}
