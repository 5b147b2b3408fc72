package io.millrace.telemetry.track;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepObserver;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Feeds trackers, and lets go of one that fails: that is told once, and the run goes on. */
public final class Tracking implements StepObserver, AutoCloseable {
    private final Map<String, Tracker> trackers = new LinkedHashMap<>();
    private final Consumer<String> log;
    private RunEnd end = RunEnd.FAILED;

    private Tracking(Consumer<String> log) {
        this.log = log;
    }

    /** Something that a tracker does. */
    @FunctionalInterface
    private interface Deed {
        void on(Tracker tracker) throws IOException;
    }

    /**
     * Opens trackers.
     *
     * @param names of {@link Trackers#names}
     * @param request what they are told
     * @param log hears a line of each that fails
     */
    public static Tracking open(List<String> names, TrackRequest request, Consumer<String> log) {
        Tracking tracking = new Tracking(log);
        for (String name : names) {
            try {
                tracking.trackers.put(
                        name, Trackers.open(name, request, fault -> log.accept(line(name, fault))));
            } catch (IOException | RuntimeException e) {
                log.accept(line(name, e));
            }
        }
        return tracking;
    }

    @Override
    public void step(StepMetrics metrics, SpanLog spans, long startNs, long endNs) {
        each(tracker -> tracker.step(metrics));
    }

    @Override
    public void evaluation(EvalMetrics metrics) {
        each(tracker -> tracker.evaluation(metrics));
    }

    /** How the run ended; one of which nothing was said has failed. */
    public void ended(RunEnd how) {
        end = how;
    }

    private void each(Deed deed) {
        for (String name : List.copyOf(trackers.keySet())) {
            Tracker tracker = trackers.get(name);
            try {
                deed.on(tracker);
            } catch (IOException | RuntimeException e) {
                log.accept(line(name, e));
                trackers.remove(name);
                close(tracker);
            }
        }
    }

    /** Of one that has failed, about which enough was said. */
    private static void close(Tracker tracker) {
        try {
            tracker.close();
        } catch (IOException | RuntimeException _) {
            return;
        }
    }

    @Override
    public void close() {
        each(tracker -> tracker.ended(end));
        each(Tracker::close);
        trackers.clear();
    }

    private static String line(String name, Exception fault) {
        String said =
                fault.getMessage() == null ? fault.getClass().getSimpleName() : fault.getMessage();
        return line(name, said);
    }

    private static String line(String name, String fault) {
        return "--track " + name + ": " + fault + "; the run goes on without it";
    }
}
