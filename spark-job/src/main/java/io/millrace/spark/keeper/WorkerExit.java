package io.millrace.spark.keeper;

/** Exit codes of a worker beside those of the command. */
public final class WorkerExit {
    /** Another worker was lost, and nothing was wrong here: to be tried again. */
    public static final int PEER_LOST = 75;

    /** Whoever started it is gone. */
    public static final int ORPHAN = 76;

    // 128 and the number of a signal; 130 is SIGINT, which a person has sent.
    private static final int SIGNALLED = 129;
    private static final int LAST_SIGNAL = 192;

    private WorkerExit() {}

    /** Whether a worker did not end by its own will, but for a person's. */
    public static boolean isLost(int code) {
        return code == PEER_LOST
                || code == ORPHAN
                || (code >= SIGNALLED && code <= LAST_SIGNAL && code != 130);
    }

    /** What an exit code means, in words that follow the worker's name. */
    public static String describe(int code) {
        if (code == PEER_LOST) {
            return "lost another worker";
        }
        if (code == ORPHAN) {
            return "lost what had started it";
        }
        return code > 128 && code <= LAST_SIGNAL
                ? "was killed by signal " + (code - 128)
                : "ended with exit code " + code;
    }
}
