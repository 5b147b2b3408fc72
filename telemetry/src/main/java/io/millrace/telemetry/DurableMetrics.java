package io.millrace.telemetry;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What it took to make steps outlast a kill, as a line of {@code metrics.jsonl} has it.
 *
 * @param step the last step done when it was noticed
 * @param by {@code checkpoint}, for which steps wait; {@code sync} of the block store, beside them;
 *     or {@code settle}, writes of blocks that stay in memory, beside them on the write lane
 * @param seconds that it took
 */
public record DurableMetrics(long step, String by, double seconds) {

    /** The fields of the line. */
    public Map<String, Object> fields() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("step", step);
        line.put("durable_by", by);
        line.put("durable_seconds", seconds);
        return line;
    }
}
