package io.millrace.executor.spread;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.StepOverlap;
import io.millrace.telemetry.WorkerMetrics;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What workers tell of their last steps, as numbers that travel behind what they found. Worker 0
 * passes all that is said on to all, so that where there are many they take turns: few of them tell
 * anything at a time, and their lanes' sums are those since the run began.
 */
final class StepFigures {
    private static final Lane[] LANES = Lane.values();
    private static final int BEFORE_LANES = 5;
    private static final int SIZE = BEFORE_LANES + 2 * LANES.length;
    private static final int AT_A_TIME = 16;

    private final int rank;
    private final int turns; // gatherings in which every worker tells once
    private final double[] mine = new double[SIZE];
    private final WorkerMetrics[] told;

    StepFigures(int rank, int size) {
        this.rank = rank;
        turns = Math.ceilDiv(size, AT_A_TIME);
        told = new WorkerMetrics[size];
        mine[3] = 1;
    }

    /** Adds a step of this worker. */
    void add(long step, StepOverlap overlap, double waitSeconds, long residentBytes) {
        mine[0] = step;
        mine[1] = overlap.seconds();
        mine[2] = waitSeconds;
        mine[3] = overlap.hiddenTransfer();
        mine[4] = residentBytes;
        for (Lane lane : LANES) {
            LaneUse use = overlap.lanes().get(lane);
            int at = BEFORE_LANES + 2 * lane.index();
            mine[at] += use.busySeconds();
            mine[at + 1] += use.bytes();
        }
    }

    private boolean isTurn(long round, int ofRank) {
        return (round + ofRank) % turns == 0;
    }

    /** What a worker says, and its figures behind it where it is its turn. */
    double[] behind(long round, double[] words) {
        if (!isTurn(round, rank)) {
            return words;
        }
        double[] more = Arrays.copyOf(words, words.length + SIZE);
        System.arraycopy(mine, 0, more, words.length, SIZE);
        return more;
    }

    /** What a worker has said without its figures, which are remembered. */
    double[] hear(long round, int ofRank, double[] words) {
        int rest = words.length - SIZE;
        if (!isTurn(round, ofRank) || rest < 0) {
            return words;
        }
        told[ofRank] = read(ofRank, words, rest);
        return Arrays.copyOf(words, rest);
    }

    private static WorkerMetrics read(int rank, double[] words, int from) {
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

    /** Of each worker that has told anything. */
    List<WorkerMetrics> told() {
        return Arrays.stream(told).filter(Objects::nonNull).toList();
    }
}
