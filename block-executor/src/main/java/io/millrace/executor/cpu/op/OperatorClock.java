package io.millrace.executor.cpu.op;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Adds up where each worker's time goes. Every worker enters operators by itself and pays one look
 * at the clock for each change, no allocation and no lock; sums are read by whoever has waited for
 * the workers.
 */
@SuppressWarnings("EnumOrdinal") // places in an array that does not outlive the process
public final class OperatorClock {
    private static final Operator[] OPERATORS = Operator.values();
    private static final int SINCE = OPERATORS.length;
    private static final int CURRENT = SINCE + 1;
    private static final int PADDING = 16; // longs: no two workers write to one cache line
    private static final int STRIDE = Math.ceilDiv(CURRENT + 1, PADDING) * PADDING + PADDING;

    private final int workers;
    private final long[] cells;

    /**
     * A clock on which every worker is at {@link Operator#OTHER}.
     *
     * @param workers how many
     */
    public OperatorClock(int workers) {
        this.workers = workers;
        cells = new long[workers * STRIDE];
        long now = System.nanoTime();
        for (int worker = 0; worker < workers; worker++) {
            cells[worker * STRIDE + SINCE] = now;
        }
    }

    /**
     * Ends what the worker was at and begins another operator; called by the worker itself.
     *
     * @param worker its index
     * @param operator what it does from now on
     */
    public void enter(int worker, Operator operator) {
        int cell = worker * STRIDE;
        int current = (int) cells[cell + CURRENT];
        if (current == operator.ordinal()) {
            return;
        }
        long now = System.nanoTime();
        cells[cell + current] += now - cells[cell + SINCE];
        cells[cell + SINCE] = now;
        cells[cell + CURRENT] = operator.ordinal();
    }

    /**
     * Seconds of all workers since the clock began, by {@linkplain Operator#label() name}, at each
     * operator but {@link Operator#OTHER}.
     */
    public Map<String, Double> seconds() {
        Map<String, Double> seconds = new LinkedHashMap<>();
        for (Operator operator : OPERATORS) {
            long ns = 0;
            for (int worker = 0; worker < workers; worker++) {
                ns += cells[worker * STRIDE + operator.ordinal()];
            }
            if (operator != Operator.OTHER) {
                seconds.put(operator.label(), ns * 1e-9);
            }
        }
        return seconds;
    }
}
