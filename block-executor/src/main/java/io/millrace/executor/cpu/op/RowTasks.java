package io.millrace.executor.cpu.op;

/** Shares work on rows among workers, for every scale, in pieces of a size that pays. */
public final class RowTasks {
    private static final int FLOATS_PER_TASK = 16 * 1024;

    private RowTasks() {}

    /** Work on some rows of one scale. */
    @FunctionalInterface
    public interface Task {
        /**
         * Does one piece.
         *
         * @param scale index of the scale
         * @param from first row
         * @param to row after the last
         * @param worker who does it
         */
        void run(int scale, int from, int to, int worker);
    }

    /**
     * Runs a task over all rows of all scales.
     *
     * @param pool the workers
     * @param operator what they do, for the clock
     * @param scales how many scales
     * @param rows rows of each
     * @param rowFloats floats of a row that the task works on
     * @param task the work
     */
    public static void run(
            WorkerPool pool, Operator operator, int scales, int rows, long rowFloats, Task task) {
        int rowsEach = (int) Math.max(1, FLOATS_PER_TASK / Math.max(1, rowFloats));
        int pieces = Math.ceilDiv(rows, rowsEach);
        pool.parallelFor(
                scales * pieces,
                operator,
                (index, worker) -> {
                    int from = index % pieces * rowsEach;
                    task.run(index / pieces, from, Math.min(rows, from + rowsEach), worker);
                });
    }
}
