package io.millrace.optim.participation;

import java.util.OptionalInt;

/**
 * In what turns parts of a model have a part in steps, for whoever wants the mean over them.
 *
 * @param every steps of a turn, in all of which the same parts have one; at least 1
 * @param round turns after which all have come as often as they ever do; empty where each turn is
 *     drawn, so that there is no such number
 */
public record Rhythm(int every, OptionalInt round) {
    /** Checks the numbers. */
    public Rhythm {
        if (every < 1 || round.orElse(1) < 1) {
            throw new IllegalArgumentException("turns of " + every + " steps, round of " + round);
        }
    }

    /** Turns that come round. */
    static Rhythm round(int every, int turns) {
        return new Rhythm(every, OptionalInt.of(turns));
    }

    /** Turns that are drawn. */
    static Rhythm drawn(int every) {
        return new Rhythm(every, OptionalInt.empty());
    }
}
