package io.millrace.telemetry.prometheus;

import io.millrace.telemetry.WorkerMetrics;
import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.model.registry.PrometheusRegistry;

/** The metrics of a run's workers, by their names and each worker's rank. */
final class WorkerFigures {
    private static final String WORKER = "worker";
    private static final String LANE = "lane";

    private final Gauge step;
    private final Gauge seconds;
    private final Gauge waitSeconds;
    private final Gauge hidden;
    private final Gauge resident;
    private final Counter laneSeconds;
    private final Counter laneBytes;

    WorkerFigures(PrometheusRegistry registry) {
        step = gauge(registry, "millrace_worker_step", "Last step that a worker told of");
        seconds = gauge(registry, "millrace_worker_step_seconds", "Length of a worker's last step");
        waitSeconds =
                gauge(
                        registry,
                        "millrace_worker_wait_seconds",
                        "Time of a worker's last step in which it waited for others");
        hidden =
                gauge(
                        registry,
                        "millrace_worker_hidden_transfer_ratio",
                        "Share of a worker's transfer time during which it computed");
        resident =
                gauge(
                        registry,
                        "millrace_worker_resident_memory_bytes",
                        "Resident memory of a worker's process");
        laneSeconds =
                counter(
                        registry,
                        "millrace_worker_lane_busy_seconds",
                        "Busy time of a worker within steps");
        laneBytes = counter(registry, "millrace_worker_lane_bytes", "Bytes that a worker moved");
    }

    private static Gauge gauge(PrometheusRegistry registry, String name, String help) {
        return Gauge.builder().name(name).help(help).labelNames(WORKER).register(registry);
    }

    private static Counter counter(PrometheusRegistry registry, String name, String help) {
        return Counter.builder().name(name).help(help).labelNames(WORKER, LANE).register(registry);
    }

    void set(WorkerMetrics worker) {
        String name = Integer.toString(worker.rank());
        seconds.labelValues(name).set(worker.seconds());
        waitSeconds.labelValues(name).set(worker.waitSeconds());
        hidden.labelValues(name).set(worker.hiddenTransfer());
        resident.labelValues(name).set((double) worker.residentBytes());
        worker.lanes()
                .forEach((lane, use) -> {
                    raise(laneSeconds.labelValues(name, lane.label()), use.busySeconds());
                    raise(laneBytes.labelValues(name, lane.label()), (double) use.bytes());
                });
        step.labelValues(name).set((double) worker.step());
    }

    private static void raise(CounterDataPoint counter, double to) {
        counter.inc(Math.max(0, to - counter.get()));
    }
}
