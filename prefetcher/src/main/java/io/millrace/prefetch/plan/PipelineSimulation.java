package io.millrace.prefetch.plan;

import io.millrace.prefetch.Placement;
import io.millrace.prefetch.VisitPlan;
import io.millrace.prefetch.residency.Residency;
import io.millrace.telemetry.Lane;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The pipeline as discrete events: the lanes of a {@link io.millrace.prefetch.PipelinedFeed} take
 * the same visits in the same order, by the same {@link Residency}; only time is reckoned. Blocks
 * that stay are taken as loaded.
 *
 * <p>A lane's work is a number of bytes, compute's a number of seconds at full speed; between two
 * events every lane goes at the speed that {@link SharedRates} gives for those at work.
 */
public final class PipelineSimulation {
    private static final Lane[] LANES = Lane.values();
    private static final double DONE = 1e-12; // of a second or a byte: rounding, not work

    private final Placement placement;
    private final SharedRates shared;
    private final Run run;
    private final int[] visits;
    private final int total;
    private final boolean unified;
    private final Map<Lane, State> lanes = new EnumMap<>(Lane.class);
    private final List<Span> spans = new ArrayList<>();
    private final double[] passEnds;
    private double now;

    private final Residency residency;
    private final boolean[] readsHead;
    private final long[] soonThroughHost;
    private final long[] soonThroughDevice;
    private final boolean[] download; // by visit
    private final boolean[] write; // by visit

    /**
     * What runs.
     *
     * @param computeSeconds of every visit of a pass at full speed
     * @param changes whether a visit leaves its block changed
     * @param gapSeconds from the end of a pass to the beginning of the next
     * @param passes how many
     * @param overlap whether lanes run ahead
     * @param heads for which visits the beginning of the block is enough
     */
    public record Run(
            double[] computeSeconds,
            boolean[] changes,
            double gapSeconds,
            int passes,
            boolean overlap,
            boolean[] heads) {
        /** Of visits that need their blocks whole. */
        public Run(
                double[] computeSeconds,
                boolean[] changes,
                double gapSeconds,
                int passes,
                boolean overlap) {
            this(
                    computeSeconds,
                    changes,
                    gapSeconds,
                    passes,
                    overlap,
                    new boolean[computeSeconds.length]);
        }
    }

    /**
     * One lane's work on one visit.
     *
     * @param lane which
     * @param visit number of the visit, over all passes
     * @param block whose visit
     * @param start seconds from the beginning
     * @param end seconds from the beginning
     * @param bytes moved; 0 of compute
     */
    public record Span(Lane lane, int visit, int block, double start, double end, long bytes) {}

    /**
     * What came of it.
     *
     * @param spans in order of their ends
     * @param passEnds when the computation of each pass ended
     * @param mostHostSlots the most host slots ever lent at once
     * @param mostDeviceSlots the same on the device
     */
    public record Result(
            List<Span> spans, double[] passEnds, int mostHostSlots, int mostDeviceSlots) {
        /**
         * Seconds of a pass once the pipeline is full.
         *
         * @param warm passes at the beginning that do not count
         */
        public double steadySeconds(int warm) {
            // Nothing is fetched ahead for a pass after the last, so that one is shorter than
            // others.
            int last = passEnds.length - 2;
            return (passEnds[last] - passEnds[warm - 1]) / (last + 1 - warm);
        }
    }

    private static final class State {
        private int passed;
        private boolean paused;
        private boolean busy;
        private double left;
        private double began;
        private long bytes;
    }

    private PipelineSimulation(
            Placement placement, Machine machine, List<Integer> blocks, Run run) {
        this.placement = placement;
        this.run = run;
        unified = placement.request().isUnified();
        shared = new SharedRates(machine, !unified);
        visits = blocks.stream().mapToInt(Integer::intValue).toArray();
        total = visits.length * run.passes();
        passEnds = new double[run.passes()];
        residency = placement.newResidency();
        residency.loadStaying();
        VisitPlan whole = VisitPlan.whole(blocks).withHeads(place -> run.heads()[place]);
        readsHead = new boolean[visits.length];
        soonThroughHost = new long[visits.length];
        soonThroughDevice = new long[visits.length];
        for (int place = 0; place < visits.length; place++) {
            readsHead[place] = placement.readsHead(whole, place, whole);
            soonThroughHost[place] = placement.soonThroughHost(whole, place, whole);
            soonThroughDevice[place] = placement.soonThroughDevice(whole, place, whole);
        }
        download = new boolean[total];
        write = new boolean[total];
        for (Lane lane : LANES) {
            if (!unified || (lane != Lane.H2D && lane != Lane.D2H)) {
                lanes.put(lane, new State());
            }
        }
    }

    /**
     * Runs passes over the visits.
     *
     * @param placement of the blocks
     * @param machine whose speeds lanes have
     * @param run what happens
     */
    public static Result simulate(Placement placement, Machine machine, Run run) {
        return simulate(placement, machine, placement.request().visits(), run);
    }

    /**
     * Runs passes over some of the visits that the placement was made for.
     *
     * @param blocks of the visits in order
     */
    public static Result simulate(
            Placement placement, Machine machine, List<Integer> blocks, Run run) {
        return new PipelineSimulation(placement, machine, blocks, run).simulate();
    }

    private Result simulate() {
        while (lanes.get(Lane.NVME_WRITE).passed < total) {
            boolean moved = true;
            while (moved) {
                moved = false;
                for (Lane lane : lanes.keySet()) {
                    moved |= advance(lane);
                }
            }
            if (lanes.get(Lane.NVME_WRITE).passed < total) {
                elapse();
            }
        }
        return new Result(
                List.copyOf(spans),
                passEnds,
                residency.hostSlots().mostLent(),
                residency.deviceSlots().mostLent());
    }

    /** Lets time pass until the first lane ends what it is at. */
    private void elapse() {
        Set<Lane> busy = EnumSet.noneOf(Lane.class);
        lanes.forEach((lane, state) -> {
            if (state.busy) {
                busy.add(lane);
            }
        });
        if (busy.isEmpty()) {
            throw new IllegalStateException("the simulated pipeline is stuck at " + now + " s");
        }
        Map<Lane, Double> rates = shared.of(busy);
        double next = Double.POSITIVE_INFINITY;
        for (Lane lane : busy) {
            next = Math.min(next, lanes.get(lane).left / rates.get(lane));
        }
        now += next;
        for (Lane lane : busy) {
            State state = lanes.get(lane);
            state.left -= next * rates.get(lane);
            if (state.left <= DONE * Math.max(1, rates.get(lane))) {
                state.busy = false;
                finish(lane, state);
            }
        }
    }

    /** Takes a lane to its next visit, where nothing holds it up; whether anything changed. */
    private boolean advance(Lane lane) {
        State state = lanes.get(lane);
        if (state.busy || state.passed == total || !mayTake(lane, state.passed)) {
            return false;
        }
        int visit = state.passed;
        int block = visits[visit % visits.length];
        return switch (lane) {
            case NVME_READ ->
                    take(
                            lane,
                            state,
                            block,
                            residency.claimHost(
                                    block,
                                    soon(soonThroughHost, visit),
                                    readsHead[visit % visits.length]));
            case H2D ->
                    take(
                            lane,
                            state,
                            block,
                            residency.claimDevice(block, soon(soonThroughDevice, visit)));
            case COMPUTE -> compute(state, visit);
            case D2H ->
                    download[visit]
                            ? take(lane, state, block, residency.claimForDownload(block))
                            : pass(state);
            case NVME_WRITE -> write[visit] ? begin(lane, state, block) : pass(state);
        };
    }

    private boolean mayTake(Lane lane, int visit) {
        return switch (lane) {
            case NVME_READ -> run.overlap() || lanes.get(Lane.NVME_WRITE).passed >= visit;
            case H2D -> lanes.get(Lane.NVME_READ).passed > visit;
            case COMPUTE -> lanes.get(unified ? Lane.NVME_READ : Lane.H2D).passed > visit;
            case D2H -> lanes.get(Lane.COMPUTE).passed > visit;
            case NVME_WRITE -> lanes.get(unified ? Lane.COMPUTE : Lane.D2H).passed > visit;
        };
    }

    private long soon(long[] largest, int visit) {
        return largest[visit % visits.length];
    }

    private boolean take(Lane lane, State state, int block, Residency.Claim claim) {
        return switch (claim) {
            case PASS -> pass(state);
            case WAIT -> false;
            case MOVE -> begin(lane, state, block);
        };
    }

    private long bytes(Lane lane, int visit, int block) {
        boolean head = lane == Lane.NVME_READ && readsHead[visit % visits.length];
        return (head ? placement.request().headBytes() : placement.request().blockBytes())
                .get(block);
    }

    private boolean compute(State state, int visit) {
        boolean pause = visit > 0 && visit % visits.length == 0 && run.gapSeconds() > 0;
        if (pause && !state.paused) {
            state.paused = true; // between passes, which is no computation
            state.left = run.gapSeconds();
            state.bytes = -1;
        } else {
            state.left = run.computeSeconds()[visit % visits.length];
            state.bytes = 0;
        }
        state.began = now;
        state.busy = true;
        return true;
    }

    private boolean begin(Lane lane, State state, int block) {
        state.busy = true;
        state.bytes = bytes(lane, state.passed, block);
        state.left = state.bytes;
        state.began = now;
        return true;
    }

    private static boolean pass(State state) {
        state.paused = false;
        state.passed++;
        return true;
    }

    private void finish(Lane lane, State state) {
        if (state.bytes < 0) {
            return; // the pause is over, and the visit comes now
        }
        int visit = state.passed;
        int block = visits[visit % visits.length];
        spans.add(new Span(lane, visit, block, state.began, now, state.bytes));
        pass(state);
        switch (lane) {
            case NVME_READ -> {}
            case H2D -> residency.uploaded(block);
            case COMPUTE -> computed(visit, block);
            case D2H -> leave(visit, residency.downloaded(block));
            case NVME_WRITE -> residency.written(block);
        }
    }

    private void computed(int visit, int block) {
        if ((visit + 1) % visits.length == 0) {
            passEnds[visit / visits.length] = now;
        }
        leave(visit, residency.computed(block, run.changes()[visit % visits.length], false));
    }

    private void leave(int visit, Residency.Leaving leaving) {
        download[visit] |= leaving == Residency.Leaving.DOWNLOAD;
        write[visit] |= leaving == Residency.Leaving.WRITE;
    }
}
