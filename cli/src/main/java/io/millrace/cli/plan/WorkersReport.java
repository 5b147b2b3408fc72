package io.millrace.cli.plan;

import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.config.data.SliceSharing;
import io.millrace.executor.plan.Network;
import io.millrace.executor.plan.SpreadPlan;
import io.millrace.executor.plan.SpreadPlans;
import io.millrace.executor.plan.SpreadSimulation;
import io.millrace.memory.ByteSize;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What several workers would make of a step, as people and programs read it. */
public final class WorkersReport {
    private final Map<Parallel, SpreadPlan> plans = new EnumMap<>(Parallel.class);
    private final Map<Parallel, SpreadPlan.Step> steps = new EnumMap<>(Parallel.class);
    private final Parallel mode;
    private final int workers;
    private final Network network;
    private final double alone; // seconds
    private final List<SpreadSimulation.Point> points;
    private final boolean slices;

    /**
     * A report.
     *
     * @param of the run
     * @param mode that the run is told
     * @param sharing whether it is told that workers of one host read for each other
     * @param simulates whether ever more workers are simulated
     */
    public WorkersReport(
            SpreadPlans of,
            Parallel mode,
            SliceSharing sharing,
            int workers,
            Network network,
            boolean simulates) {
        slices = sharing != SliceSharing.OFF;
        this.mode = mode;
        this.workers = workers;
        this.network = network;
        alone = of.alone().step(mode, 1, network).seconds();
        for (Parallel one : Parallel.values()) {
            SpreadPlan plan = of.best(one, workers, network);
            plans.put(one, plan);
            steps.put(one, plan.step(one, workers, network));
        }
        points = simulates ? SpreadSimulation.of(of, mode, workers, network) : List.of();
    }

    /** What was simulated; empty where nothing was. */
    public List<SpreadSimulation.Point> points() {
        return points;
    }

    private SpreadPlan.Step taken() {
        return steps.get(mode);
    }

    /** For people. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(format("workers        %d over %s", workers, network.label()));
        steps.forEach((one, step) ->
                lines.add(
                        format(
                                "  %-12s %12s  %.2f times one worker's speed, %d of %d busy,"
                                        + " --micro-batch %d%s",
                                one.label(),
                                seconds(step.seconds()),
                                alone / step.seconds(),
                                step.busy(),
                                workers,
                                plans.get(one).microBatch(),
                                one == mode ? "; this plan" : "")));
        SpreadPlan plan = plans.get(mode);
        lines.add(
                format(
                        "  a step is divided into %d micro-batch%s by %d part%s of its losses",
                        plan.microBatches(),
                        plan.microBatches() == 1 ? "" : "es",
                        plan.cuts(),
                        plan.cuts() == 1 ? "" : "s"));
        lines.add(
                format(
                        "  %s of a step until all have heard all losses",
                        seconds(taken().exchangeSeconds())));
        long each = plan.sharedReadBytes();
        if (each > 0) {
            lines.add(
                    format(
                            "  of one host and drive they read %s a step together%s",
                            ByteSize.format(slices ? each : workers * each),
                            slices
                                    ? ", in slices; each by itself, "
                                            + ByteSize.format(workers * each)
                                    : "; with --slices auto, " + ByteSize.format(each)));
        }
        if (taken().busy() < workers) {
            lines.add(
                    format(
                            "  %d have nothing to do: a smaller --micro-batch, a larger"
                                    + " --batch-size or more --queries divide a step further",
                            workers - taken().busy()));
        }
        lines.add(
                format(
                        "  run it with --workers %d --micro-batch %d%s",
                        workers,
                        plan.microBatch(),
                        mode == Parallel.AUTO ? "" : " --parallel " + mode.label()));
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
                "  workers     busy  micro-batch      compute     exchange      waiting        "
                        + " step  speed  share");
        for (SpreadSimulation.Point point : points) {
            lines.add(
                    format(
                            "  %7d %8d %12d %12s %12s %12s %12s %6.1f %5.0f %%",
                            point.step().workers(),
                            point.step().busy(),
                            point.microBatch(),
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
        SpreadPlan plan = plans.get(mode);
        fields.put("micro_batch", plan.microBatch());
        fields.put("micro_batches", plan.microBatches());
        fields.put("parts_of_losses", plan.cuts());
        fields.put("parallel", mode.label());
        if (plan.sharedReadBytes() > 0) {
            fields.put("read_bytes_each", plan.sharedReadBytes());
            fields.put("slices", slices);
        }
        fields.put("predicted_step_seconds", taken().seconds());
        Map<String, Object> modes = new LinkedHashMap<>();
        steps.forEach((one, step) -> {
            Map<String, Object> row = fields(step);
            row.put("micro_batch", plans.get(one).microBatch());
            modes.put(one.label(), row);
        });
        fields.put("modes", modes);
        if (!points.isEmpty()) {
            List<Object> rows = new ArrayList<>();
            for (SpreadSimulation.Point point : points) {
                Map<String, Object> row = new LinkedHashMap<>();
                row.put("workers", point.step().workers());
                row.put("micro_batch", point.microBatch());
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
