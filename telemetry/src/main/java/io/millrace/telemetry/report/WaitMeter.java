package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanLog;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Says for each gap between computations what it waited for. At an instant before block b, that is
 * the lane that moves b itself, the later one first; else one that brings blocks back, for then b
 * waits for their slot; else any lane at work.
 */
final class WaitMeter {
    private static final double NS_PER_SECOND = 1e9;

    private final SpanLog spans;
    private final long[] waitNs = new long[Lane.values().length];
    private final double[] ofBlocks;
    private long otherNs;

    private WaitMeter(SpanLog spans, int blocks) {
        this.spans = spans;
        ofBlocks = new double[blocks];
    }

    /**
     * Measures the window [startNs, endNs].
     *
     * @param spans the step's spans
     * @param blocks number of blocks
     */
    static WaitMeter of(SpanLog spans, long startNs, long endNs, int blocks) {
        WaitMeter meter = new WaitMeter(spans, blocks);
        meter.measure(startNs, endNs);
        return meter;
    }

    /** The step's waits by cause. */
    Waits waits() {
        Map<Lane, Double> lanes = new EnumMap<>(Lane.class);
        for (Lane lane : Lane.values()) {
            lanes.put(lane, waitNs[lane.index()] / NS_PER_SECOND);
        }
        return new Waits(lanes, otherNs / NS_PER_SECOND);
    }

    /** Seconds waited before each block was computed on, whatever the cause. */
    double[] ofBlocks() {
        return ofBlocks;
    }

    private void measure(long startNs, long endNs) {
        List<Integer> computed = new ArrayList<>();
        for (int i = 0; i < spans.size(); i++) {
            if (spans.lane(i) == Lane.COMPUTE && overlaps(i, startNs, endNs)) {
                computed.add(i);
            }
        }
        computed.sort(Comparator.comparingLong(spans::startNs));
        long idleFrom = startNs;
        int last = SpanLog.NO_BLOCK;
        for (int i : computed) {
            last = spans.block(i);
            if (spans.startNs(i) > idleFrom) {
                gap(idleFrom, spans.startNs(i), last, false);
            }
            idleFrom = Math.max(idleFrom, spans.endNs(i));
        }
        if (idleFrom < endNs) {
            gap(idleFrom, endNs, last, true);
        }
    }

    private boolean overlaps(int span, long fromNs, long untilNs) {
        return spans.startNs(span) < untilNs && spans.endNs(span) > fromNs;
    }

    private void gap(long fromNs, long untilNs, int block, boolean endOfStep) {
        if (block >= 0 && !endOfStep) {
            ofBlocks[block] += (untilNs - fromNs) / NS_PER_SECOND;
        }
        List<Integer> active = new ArrayList<>();
        List<Long> cuts = new ArrayList<>(List.of(fromNs, untilNs));
        for (int i = 0; i < spans.size(); i++) {
            if (spans.lane(i) != Lane.COMPUTE && overlaps(i, fromNs, untilNs)) {
                active.add(i);
                cuts.add(Math.max(fromNs, spans.startNs(i)));
                cuts.add(Math.min(untilNs, spans.endNs(i)));
            }
        }
        cuts.sort(Comparator.naturalOrder());
        for (int cut = 1; cut < cuts.size(); cut++) {
            long from = cuts.get(cut - 1);
            long until = cuts.get(cut);
            if (from < until) {
                charge(active, from, until, block, endOfStep);
            }
        }
    }

    private void charge(
            List<Integer> active, long fromNs, long untilNs, int block, boolean endOfStep) {
        int best = -1;
        int bestRank = 0;
        for (int i : active) {
            int rank = overlaps(i, fromNs, untilNs) ? rank(i, block, endOfStep) : 0;
            if (rank > bestRank) {
                bestRank = rank;
                best = i;
            }
        }
        if (best < 0) {
            otherNs += untilNs - fromNs;
        } else {
            waitNs[spans.lane(best).index()] += untilNs - fromNs;
        }
    }

    /** How likely the wait is for this span; 0 where it cannot be. */
    private int rank(int span, int block, boolean endOfStep) {
        boolean own = spans.block(span) == block;
        return switch (spans.lane(span)) {
            // After its last block a step waits for that one's way back, if for any.
            case D2H -> endOfStep && !own ? 0 : 4;
            case NVME_WRITE -> endOfStep && !own ? 0 : 3;
            case H2D -> endOfStep ? 0 : own ? 6 : 2;
            case NVME_READ -> endOfStep ? 0 : own ? 5 : 1;
            case COMPUTE -> 0;
        };
    }
}
