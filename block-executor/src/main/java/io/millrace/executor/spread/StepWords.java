package io.millrace.executor.spread;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.WorkerMetrics;
import java.util.EnumMap;
import java.util.Map;

/** What a worker tells of its last step, as numbers that travel with what it found. */
final class StepWords {
    private static final Lane[] LANES = Lane.values();
    private static final int BEFORE_LANES = 5;

    /** How many numbers. */
    static final int SIZE = BEFORE_LANES + 2 * LANES.length;

    private StepWords() {}

    static void write(WorkerMetrics metrics, double[] words, int from) {
        words[from] = metrics.step();
        words[from + 1] = metrics.seconds();
        words[from + 2] = metrics.waitSeconds();
        words[from + 3] = metrics.hiddenTransfer();
        words[from + 4] = metrics.residentBytes();
        for (Lane lane : LANES) {
            LaneUse use = metrics.lanes().get(lane);
            words[from + BEFORE_LANES + 2 * lane.index()] = use.busySeconds();
            words[from + BEFORE_LANES + 2 * lane.index() + 1] = use.bytes();
        }
    }

    static WorkerMetrics read(int rank, double[] words, int from) {
        Map<Lane, LaneUse> lanes = new EnumMap<>(Lane.class);
        for (Lane lane : LANES) {
            int at = from + BEFORE_LANES + 2 * lane.index();
            lanes.put(lane, new LaneUse(words[at], (long) words[at + 1]));
        }
        return new WorkerMetrics(
                rank,
                (long) words[from],
                words[from + 1],
                words[from + 2],
                words[from + 3],
                (long) words[from + 4],
                lanes);
    }
}
