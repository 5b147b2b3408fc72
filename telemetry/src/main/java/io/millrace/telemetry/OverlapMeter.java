package io.millrace.telemetry;

import java.util.EnumMap;
import java.util.Map;

/** Computes {@link StepOverlap}, with scratch that is kept from one step to the next. */
final class OverlapMeter {
    private static final double NS_PER_SECOND = 1e9;
    private static final Lane[] LANES = Lane.values();

    private final Intervals[] busy = new Intervals[LANES.length];
    private final Intervals transfers = new Intervals();
    private final long[] bytes = new long[LANES.length];

    OverlapMeter() {
        for (int lane = 0; lane < busy.length; lane++) {
            busy[lane] = new Intervals();
        }
    }

    StepOverlap measure(SpanLog spans, long startNs, long endNs) {
        if (endNs < startNs) {
            throw new IllegalArgumentException("window ends at " + endNs + ", before " + startNs);
        }
        collect(spans, startNs, endNs);
        Intervals compute = busy[Lane.COMPUTE.index()];
        long windowNs = endNs - startNs;
        long transferNs = transfers.measure();
        long hiddenNs = transfers.shared(compute);

        Map<Lane, LaneUse> lanes = new EnumMap<>(Lane.class);
        Lane bound = Lane.COMPUTE;
        long boundNs = compute.measure();
        for (Lane lane : LANES) {
            long busyNs = busy[lane.index()].measure();
            lanes.put(lane, new LaneUse(busyNs / NS_PER_SECOND, bytes[lane.index()]));
            if (busyNs > boundNs) {
                bound = lane;
                boundNs = busyNs;
            }
        }
        return new StepOverlap(
                windowNs / NS_PER_SECOND,
                lanes,
                transferNs == 0 ? 1 : (double) hiddenNs / transferNs,
                (transferNs - hiddenNs) / NS_PER_SECOND,
                share(compute.measure(), windowNs),
                bound,
                share(boundNs, windowNs));
    }

    private void collect(SpanLog spans, long startNs, long endNs) {
        transfers.clear();
        for (Lane lane : LANES) {
            busy[lane.index()].clear();
            bytes[lane.index()] = 0;
        }
        for (int i = 0; i < spans.size(); i++) {
            int lane = spans.lane(i).index();
            bytes[lane] += spans.bytes(i);
            long from = Math.max(spans.startNs(i), startNs);
            long until = Math.min(spans.endNs(i), endNs);
            if (from < until) {
                busy[lane].add(from, until);
            }
        }
        for (Lane lane : LANES) {
            busy[lane.index()].unite();
            if (lane != Lane.COMPUTE) {
                transfers.addAll(busy[lane.index()]);
            }
        }
        transfers.unite();
    }

    private static double share(long partNs, long windowNs) {
        return windowNs == 0 ? 0 : (double) partNs / windowNs;
    }
}
