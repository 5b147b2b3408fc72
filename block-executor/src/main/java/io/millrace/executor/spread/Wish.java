package io.millrace.executor.spread;

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

    private final int number;

    Wish(int number) {
        this.number = number;
    }

    /** As it travels. */
    int number() {
        return number;
    }

    static Wish of(double number) {
        for (Wish wish : values()) {
            if (wish.number == number) {
                return wish;
            }
        }
        return STOP;
    }
}
