package io.millrace.telemetry.prometheus;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.MemoryGauge;
import io.millrace.telemetry.ProcessMemory;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepOverlap;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.List;
import java.util.function.ToLongFunction;

/** The metrics of a run by their names. */
final class RunFigures {
    private static final Lane[] LANES = Lane.values();

    private final PrometheusRegistry registry;
    private final Gauge run;
    private final Gauge step;
    private final Gauge loss;
    private final Gauge slope;
    private final Gauge lr;
    private final Gauge stepSeconds;
    private final Gauge tokensPerSecond;
    private final Counter tokens;
    private final Counter laneSeconds;
    private final Counter laneBytes;
    private final Gauge hidden;
    private final Counter exposedSeconds;
    private final Gauge utilisation;
    private final Gauge efficiency;
    private final Gauge bound;
    private final Counter dropped;
    private final Gauge evalLoss;
    private final Gauge evalAccuracy;

    RunFigures(PrometheusRegistry registry) {
        this.registry = registry;
        run = gauge("millrace_run", "1, with the run's model and device", "model", "device");
        step = gauge("millrace_step", "Last step that is done");
        loss = gauge("millrace_loss", "Mean of L+ and L- of the last step");
        slope = gauge("millrace_projected_grad", "Mean slope of the last step");
        lr = gauge("millrace_learning_rate", "Learning rate of the last step");
        stepSeconds = gauge("millrace_step_seconds", "Length of the last step");
        tokensPerSecond = gauge("millrace_tokens_per_second", "Of the last step, by wall time");
        tokens = counter("millrace_tokens", "Tokens of all batches");
        laneSeconds = counter("millrace_lane_busy_seconds", "Busy time within steps", "lane");
        laneBytes = counter("millrace_lane_bytes", "Bytes moved", "lane");
        hidden =
                gauge(
                        "millrace_hidden_transfer_ratio",
                        "Share of the last step's transfer time during which something computed");
        exposedSeconds =
                counter(
                        "millrace_exposed_transfer_seconds",
                        "Transfer time during which nothing computed");
        utilisation =
                gauge(
                        "millrace_compute_utilisation_ratio",
                        "Share of the last step during which something computed");
        efficiency =
                gauge(
                        "millrace_pipeline_efficiency_ratio",
                        "Busy share of the last step's busiest lane");
        bound = gauge("millrace_bound_lane", "1 for the last step's busiest lane", "lane");
        dropped = counter("millrace_dropped_spans", "Spans that found no room");
        evalLoss = gauge("millrace_eval_loss", "Loss of the last evaluation");
        evalAccuracy = gauge("millrace_eval_accuracy", "Accuracy of the last evaluation");
    }

    void begin(RunFacts facts) {
        run.labelValues(facts.model(), facts.device()).set(1);
        List<MemoryGauge> kinds = facts.memory();
        memory("millrace_memory_bytes", "Held now", kinds, kind -> kind.inUse().getAsLong());
        memory(
                "millrace_memory_peak_bytes",
                "The most ever held",
                kinds,
                kind -> kind.peak().getAsLong());
        memory(
                "millrace_memory_budget_bytes",
                "The most that may be held",
                kinds.stream().filter(kind -> kind.budget().isPresent()).toList(),
                kind -> kind.budget().orElseThrow());
        GaugeWithCallback.builder()
                .name("process_resident_memory_bytes")
                .help("Resident memory of the process")
                .callback(callback -> callback.call((double) ProcessMemory.read().residentBytes()))
                .register(registry);
    }

    private void memory(
            String name, String help, List<MemoryGauge> kinds, ToLongFunction<MemoryGauge> bytes) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("tier")
                .callback(callback ->
                        kinds.forEach(kind ->
                                callback.call((double) bytes.applyAsLong(kind), kind.name())))
                .register(registry);
    }

    void step(StepMetrics metrics) {
        StepOverlap overlap = metrics.overlap();
        loss.set(metrics.loss());
        slope.set(metrics.projectedGrad());
        lr.set(metrics.lr());
        stepSeconds.set(overlap.seconds());
        tokensPerSecond.set(metrics.tokensPerSecond());
        tokens.inc(metrics.tokens());
        overlap.lanes()
                .forEach((lane, use) -> {
                    laneSeconds.labelValues(lane.label()).inc(use.busySeconds());
                    laneBytes.labelValues(lane.label()).inc(use.bytes());
                });
        hidden.set(overlap.hiddenTransfer());
        exposedSeconds.inc(overlap.exposedTransferSeconds());
        utilisation.set(overlap.computeUtilisation());
        efficiency.set(overlap.pipelineEfficiency());
        for (Lane lane : LANES) {
            bound.labelValues(lane.label()).set(lane == overlap.boundLane() ? 1 : 0);
        }
        dropped.inc(metrics.droppedSpans());
        // Last, so that whoever sees the step sees its figures.
        step.set((double) metrics.step());
    }

    void evaluation(EvalMetrics metrics) {
        evalLoss.set(metrics.loss());
        metrics.accuracy().ifPresent(evalAccuracy::set);
    }

    private Gauge gauge(String name, String help, String... labels) {
        return Gauge.builder().name(name).help(help).labelNames(labels).register(registry);
    }

    private Counter counter(String name, String help, String... labels) {
        return Counter.builder().name(name).help(help).labelNames(labels).register(registry);
    }
}
