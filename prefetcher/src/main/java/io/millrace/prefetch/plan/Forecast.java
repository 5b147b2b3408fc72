package io.millrace.prefetch.plan;

import io.millrace.prefetch.Placement;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.SpanRecorder;
import io.millrace.telemetry.StepOverlap;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a step of a placement will cost on a machine, once the pipeline is full.
 *
 * @param stepSeconds by the simulation
 * @param boundSeconds the busiest lane alone: what no schedule can go below
 * @param boundLane that lane
 * @param busySeconds of each lane, undisturbed
 * @param bytes that each lane moves
 * @param hiddenTransfer share of the transfers' time that lies under computation
 * @param tokensPerSecond of the step
 */
public record Forecast(
        double stepSeconds,
        double boundSeconds,
        Lane boundLane,
        Map<Lane, Double> busySeconds,
        Map<Lane, Double> bytes,
        double hiddenTransfer,
        double tokensPerSecond) {
    private static final int WARM = 2;
    private static final int LAST = 4; // of the passes that count: from WARM to before this
    private static final int PASSES = 5;
    private static final double NANOS = 1e9;

    /** Freezes the maps. */
    public Forecast {
        busySeconds = Collections.unmodifiableMap(new EnumMap<>(busySeconds));
        bytes = Collections.unmodifiableMap(new EnumMap<>(bytes));
    }

    /** Busy time of the bound lane in a step. */
    public double efficiency() {
        return boundSeconds / stepSeconds;
    }

    /**
     * Forecasts.
     *
     * @param machine where
     * @param placement of the blocks
     * @param work of a step
     * @param direction what z is drawn from
     * @param overlap whether transfers run while blocks compute
     */
    public static Forecast of(
            Machine machine,
            Placement placement,
            StepWork work,
            String direction,
            boolean overlap) {
        Part folding = part(machine, placement, work, direction, overlap, true);
        if (work.foldEvery() == 1) {
            return folding.forecast((double) work.tokens());
        }
        Part reading = part(machine, placement, work, direction, overlap, false);
        return folding.mixed(reading, 1.0 / work.foldEvery()).forecast((double) work.tokens());
    }

    /** Of passes that come one after another. */
    public static Forecast sum(List<Forecast> passes) {
        return combined(passes, 1);
    }

    /** The mean of steps that differ. */
    public static Forecast mean(List<Forecast> steps) {
        return combined(steps, 1.0 / steps.size());
    }

    /**
     * The same of a step that also reads from the drive while nothing computes.
     *
     * @param read bytes of that
     * @param machine where
     */
    public Forecast afterReading(double read, Machine machine) {
        double took = read / machine.drive().readBytesPerSecond();
        Map<Lane, Double> busy = new EnumMap<>(busySeconds);
        Map<Lane, Double> moved = new EnumMap<>(bytes);
        busy.merge(Lane.NVME_READ, took, Double::sum);
        moved.merge(Lane.NVME_READ, read, Double::sum);
        return new Part(stepSeconds + took, busy, moved, hiddenTransfer)
                .forecast(tokensPerSecond * stepSeconds);
    }

    private static Forecast combined(List<Forecast> all, double weight) {
        Forecast first = all.getFirst();
        double tokens = first.tokensPerSecond * first.stepSeconds;
        double seconds = 0;
        double hidden = 0;
        Map<Lane, Double> busy = new EnumMap<>(Lane.class);
        Map<Lane, Double> bytes = new EnumMap<>(Lane.class);
        for (Forecast one : all) {
            seconds += weight * one.stepSeconds;
            hidden += one.hiddenTransfer / all.size();
            one.busySeconds.forEach((lane, value) -> busy.merge(lane, weight * value, Double::sum));
            one.bytes.forEach((lane, value) -> bytes.merge(lane, weight * value, Double::sum));
        }
        return new Part(seconds, busy, bytes, hidden).forecast(tokens);
    }

    /** A step that folds, or one that does not. */
    private record Part(
            double seconds, Map<Lane, Double> busy, Map<Lane, Double> bytes, double hidden) {
        /** The mean of steps of two kinds. */
        Part mixed(Part other, double share) {
            Map<Lane, Double> meanBusy = new EnumMap<>(Lane.class);
            Map<Lane, Double> meanBytes = new EnumMap<>(Lane.class);
            for (Lane lane : Lane.values()) {
                meanBusy.put(lane, share * busy.get(lane) + (1 - share) * other.busy.get(lane));
                meanBytes.put(lane, share * bytes.get(lane) + (1 - share) * other.bytes.get(lane));
            }
            return new Part(
                    share * seconds + (1 - share) * other.seconds,
                    meanBusy,
                    meanBytes,
                    share * hidden + (1 - share) * other.hidden);
        }

        Forecast forecast(double tokens) {
            Lane bound = Lane.COMPUTE;
            for (Lane lane : Lane.values()) {
                bound = busy.get(lane) > busy.get(bound) ? lane : bound;
            }
            return new Forecast(
                    seconds, busy.get(bound), bound, busy, bytes, hidden, tokens / seconds);
        }
    }

    private static Part part(
            Machine machine,
            Placement placement,
            StepWork work,
            String direction,
            boolean overlap,
            boolean folds) {
        int count = work.visits().size();
        double[] compute = new double[count];
        boolean[] changes = new boolean[count];
        boolean[] heads = new boolean[count];
        for (int visit = 0; visit < count; visit++) {
            VisitWork one = work.visits().get(visit);
            List<Operation> operations = folds ? one.folding() : one.reading();
            compute[visit] = machine.device().rates().seconds(operations, direction);
            changes[visit] = folds && one.changes();
            heads[visit] = one.head();
        }
        PipelineSimulation.Run run =
                new PipelineSimulation.Run(
                        compute, changes, machine.drive().syncSeconds(), PASSES, overlap, heads);
        PipelineSimulation.Result result =
                PipelineSimulation.simulate(
                        placement,
                        machine,
                        work.visits().stream().map(VisitWork::block).toList(),
                        run);
        Map<Lane, Double> busy = new EnumMap<>(Lane.class);
        Map<Lane, Double> bytes = new EnumMap<>(Lane.class);
        SharedRates alone = new SharedRates(machine, !placement.request().isUnified());
        for (Lane lane : Lane.values()) {
            double moved = 0;
            for (PipelineSimulation.Span span : result.spans()) {
                // Whole passes by number of visit: what is cut by a moment would be counted twice.
                int pass = span.visit() / count;
                moved += span.lane() == lane && pass >= WARM && pass < LAST ? span.bytes() : 0;
            }
            moved /= LAST - WARM;
            bytes.put(lane, moved);
            busy.put(lane, moved == 0 ? 0 : moved / alone.of(Set.of(lane)).get(lane));
        }
        double computing = 0;
        for (double seconds : compute) {
            computing += seconds;
        }
        busy.put(Lane.COMPUTE, computing);
        return new Part(result.steadySeconds(WARM), busy, bytes, hidden(result, count));
    }

    private static double hidden(PipelineSimulation.Result result, int count) {
        SpanRecorder recorder = new SpanRecorder(PASSES * count, () -> 0);
        SpanLog log = recorder.newLog();
        for (PipelineSimulation.Span span : result.spans()) {
            recorder.record(
                    span.lane(),
                    span.block(),
                    span.visit() / count,
                    (long) (span.start() * NANOS),
                    (long) (span.end() * NANOS),
                    span.bytes());
        }
        double[] ends = result.passEnds();
        long until = (long) (ends[LAST - 1] * NANOS);
        recorder.drain(until, log);
        return StepOverlap.of(log, (long) (ends[WARM - 1] * NANOS), until).hiddenTransfer();
    }
}
