package io.millrace.telemetry;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run has held of memory when it ended or was interrupted, as a line of {@code
 * metrics.jsonl} has it.
 *
 * @param step the last step done
 * @param gauges the kinds of memory
 * @param processPeakBytes the most bytes that the process ever had resident
 */
public record MemoryMetrics(long step, List<MemoryGauge> gauges, long processPeakBytes) {
    /** Freezes the list. */
    public MemoryMetrics {
        gauges = List.copyOf(gauges);
    }

    /** The fields of the line; a kind without a budget is not in {@code budget_bytes}. */
    public Map<String, Object> fields() {
        Map<String, Object> peaks = new LinkedHashMap<>();
        Map<String, Object> budgets = new LinkedHashMap<>();
        for (MemoryGauge gauge : gauges) {
            peaks.put(gauge.name(), gauge.peak().getAsLong());
            gauge.budget().ifPresent(bytes -> budgets.put(gauge.name(), bytes));
        }
        peaks.put("process", processPeakBytes);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("step", step);
        line.put("peak_bytes", peaks);
        line.put("budget_bytes", budgets);
        return line;
    }
}
