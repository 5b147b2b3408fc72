package io.millrace.executor.spread;

/** What worker 0 wants to come after a step; all do as it says. */
public enum Wish {
    /** The next step. */
    GO_ON,
    /** The end, so that the run can go on later. */
    STOP,
    /** The end, since the run's time is over. */
    TIME,
    /** The end, since evaluations get no better. */
    PATIENCE;

    static Wish of(double number) {
        int index = (int) number;
        return index >= 0 && index < values().length ? values()[index] : STOP;
    }
}
