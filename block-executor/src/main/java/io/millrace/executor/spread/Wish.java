package io.millrace.executor.spread;

import java.util.Arrays;

/** What worker 0 wants to come after a step; all do as it says. */
public enum Wish {
    /** The next step. */
    GO_ON(0),
    /** The end, so that the run can go on later. */
    STOP(1),
    /** The end, since the run's time is over. */
    TIME(2),
    /** The end, since evaluations get no better. */
    PATIENCE(3);

    private final double word;

    Wish(double word) {
        this.word = word;
    }

    /** How it is said among doubles. */
    double word() {
        return word;
    }

    static Wish of(double said) {
        return Arrays.stream(values()).filter(one -> one.word == said).findAny().orElse(STOP);
    }
}
