package io.millrace.spark.job;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.util.AccumulatorV2;

/**
 * What worker 0 shows, on its way to the driver: its newest lines go with each heartbeat, and
 * behind them how far it is, as one line that begins with {@link #PROGRESS}.
 */
final class ShownLines extends AccumulatorV2<String, List<String>> {
    private static final long serialVersionUID = 1L;
    private static final int MOST = 200;

    /** Before a line that takes the place of the last of its kind. */
    static final String PROGRESS = "\r";

    private final ArrayList<String> lines = new ArrayList<>();

    @Override
    public synchronized boolean isZero() {
        return lines.isEmpty();
    }

    @Override
    public synchronized ShownLines copy() {
        ShownLines copy = new ShownLines();
        copy.lines.addAll(lines);
        return copy;
    }

    @Override
    public synchronized void reset() {
        lines.clear();
    }

    @Override
    public synchronized void add(String line) {
        if (!lines.isEmpty() && lines.get(lines.size() - 1).startsWith(PROGRESS)) {
            lines.remove(lines.size() - 1);
        }
        if (lines.size() == MOST) {
            lines.remove(0);
        }
        lines.add(line);
    }

    @Override
    public void merge(AccumulatorV2<String, List<String>> other) {
        other.value().forEach(this::add);
    }

    @Override
    public synchronized List<String> value() {
        return List.copyOf(lines);
    }
}
