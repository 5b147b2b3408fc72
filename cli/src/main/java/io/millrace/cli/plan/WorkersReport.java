package io.millrace.cli.plan;

import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.plan.Network;
import io.millrace.executor.plan.SpreadPlan;
import io.millrace.executor.plan.SpreadSimulation;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What several workers would make of a step, as people and programs read it. */
public final class WorkersReport {
    private final SpreadPlan plan;
    private final Parallel mode;
    private final int workers;
    private final Network network;
    private final double alone; // seconds
    private final List<SpreadPlan.Step> steps = new ArrayList<>();
    private final List<SpreadSimulation.Point> points;

    /**
     * A report.
     *
     * @param aloneSeconds of a step of one worker
     * @param mode that the run is told
     * @param simulates whether ever more workers are simulated
     */
    public WorkersReport(
            SpreadPlan plan,
            double aloneSeconds,
            Parallel mode,
            int workers,
            Network network,
            boolean simulates) {
        this.plan = plan;
        this.mode = mode;
        this.workers = workers;
        this.network = network;
        alone = aloneSeconds;
        for (Parallel one : Parallel.values()) {
            steps.add(plan.step(one, workers, network));
        }
        points = simulates ? SpreadSimulation.of(plan, mode, workers, network) : List.of();
    }

    /** What was simulated; empty where nothing was. */
    public List<SpreadSimulation.Point> points() {
        return points;
    }

    private SpreadPlan.Step taken() {
        return steps.get(mode.ordinal());
    }

    /** For people. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        int microBatches = plan.microBatches();
        int cuts = plan.cuts();
        lines.add(
                format(
                        "workers        %d over %s, --micro-batch %d: a step is %d micro-batch%s by"
                            + " %d part%s of its losses",
                        workers,
                        network.label(),
                        plan.plan().options().microBatch().orElseThrow(),
                        microBatches,
                        microBatches == 1 ? "" : "es",
                        cuts,
                        cuts == 1 ? "" : "s"));
        for (SpreadPlan.Step step : steps) {
            lines.add(
                    format(
                            "  %-12s %12s  %.2f times one worker's speed, %d of %d busy%s",
                            step.mode().label(),
                            seconds(step.seconds()),
                            alone / step.seconds(),
                            step.busy(),
                            workers,
                            step.mode() == mode ? "; this plan" : ""));
        }
        lines.add(
                format(
                        "  %s of a step until all have heard all losses",
                        seconds(taken().exchangeSeconds())));
        if (taken().busy() < workers) {
            lines.add(
                    format(
                            "  %d have nothing to do: a smaller --micro-batch, a larger"
                                + " --batch-size or more --queries divide a step further",
                            workers - taken().busy()));
        }
        lines.add(
                "  populations and FZOO spread best: they ask many losses a step, and each can be"
                        + " another worker's");
        if (!points.isEmpty()) {
            addTable(lines);
        }
        return lines;
    }

    private void addTable(List<String> lines) {
        lines.add(
                "  workers     busy      compute     exchange      waiting         step  speed "
                    + " share");
        for (SpreadSimulation.Point point : points) {
            lines.add(
                    format(
                            "  %7d %8d %12s %12s %12s %12s %6.1f %5.0f %%",
                            point.step().workers(),
                            point.step().busy(),
                            seconds(point.step().computeSeconds()),
                            seconds(point.step().exchangeSeconds()),
                            seconds(point.waitingSeconds()),
                            seconds(point.seconds()),
                            point.speedup(),
                            100 * point.efficiency()));
        }
    }

    /** For programs. */
    public Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("count", workers);
        fields.put("network", network.label());
        fields.put("micro_batch", plan.plan().options().microBatch().orElseThrow());
        fields.put("micro_batches", plan.microBatches());
        fields.put("parts_of_losses", plan.cuts());
        fields.put("parallel", mode.label());
        fields.put("predicted_step_seconds", taken().seconds());
        Map<String, Object> modes = new LinkedHashMap<>();
        for (SpreadPlan.Step step : steps) {
            modes.put(step.mode().label(), fields(step));
        }
        fields.put("modes", modes);
        if (!points.isEmpty()) {
            List<Object> rows = new ArrayList<>();
            for (SpreadSimulation.Point point : points) {
                Map<String, Object> row = new LinkedHashMap<>();
                row.put("workers", point.step().workers());
                row.putAll(fields(point.step()));
                row.put("waiting_seconds", point.waitingSeconds());
                row.put("step_seconds", point.seconds());
                row.put("speedup", point.speedup());
                rows.add(row);
            }
            fields.put("simulated", rows);
        }
        return fields;
    }

    private static Map<String, Object> fields(SpreadPlan.Step step) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("busy", step.busy());
        fields.put("compute_seconds", step.computeSeconds());
        fields.put("exchange_seconds", step.exchangeSeconds());
        return fields;
    }

    private static String seconds(double seconds) {
        return seconds < 1 ? format("%.3g ms", seconds * 1e3) : format("%.4g s", seconds);
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
