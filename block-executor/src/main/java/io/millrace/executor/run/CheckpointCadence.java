package io.millrace.executor.run;

/**
 * When a run that lies all in memory saves its weights without being asked: as soon as a kill would
 * cost more than some seconds of applying updates, and never so often that saving takes more than
 * half a percent of the time.
 */
final class CheckpointCadence {
    private static final double SHARE = 0.005;
    private static final double WORTH_SAVING_SECONDS = 10;

    /** What a drive of a cheap machine writes, until the first checkpoint shows better. */
    private static final double BYTES_PER_SECOND = 500e6;

    private double saveSeconds;
    private double elapsedSeconds;
    private double applyingSeconds;

    CheckpointCadence(long bytes) {
        saveSeconds = bytes / BYTES_PER_SECOND;
    }

    /**
     * Takes note of a step.
     *
     * @param seconds that it took
     * @param applying seconds that applying its update to every block would take at most
     * @return whether a checkpoint is due
     */
    boolean step(double seconds, double applying) {
        elapsedSeconds += seconds;
        applyingSeconds += applying;
        return applyingSeconds >= WORTH_SAVING_SECONDS && elapsedSeconds >= saveSeconds / SHARE;
    }

    /**
     * Whether saving before a stop spares whoever goes on more than it costs now, and costs little.
     */
    boolean isWorthItBeforeStopping() {
        return saveSeconds < applyingSeconds && saveSeconds < WORTH_SAVING_SECONDS;
    }

    /** Takes note of a checkpoint and of how long it took. */
    void saved(double seconds) {
        saveSeconds = seconds;
        elapsedSeconds = 0;
        applyingSeconds = 0;
    }
}
