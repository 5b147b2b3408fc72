package io.millrace.cli.plan;

import io.millrace.cli.context.CommandContext;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Matmul;
import io.millrace.memory.Tier;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.residency.SlotCut;
import io.millrace.telemetry.Lane;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A plan as people and programs read it.
 *
 * @param plan what to show
 * @param enduranceBytes bytes that the drive is rated to be written
 */
public record PlanReport(ModelPlan plan, long enduranceBytes) {
    /** What a consumer drive of 1 TB is usually rated for. */
    public static final long ENDURANCE = 600_000_000_000_000L;

    private static final double DAY_SECONDS = 86_400;
    private static final double SOON_DAYS = 100; // for a drive to be worn out
    private static final int SELDOM = 8;
    private static final double SAME = 0.005; // of a step

    /** The answer for programs. */
    public Map<String, Object> fields() {
        Forecast forecast = plan.forecast();
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("predicted_step_seconds", forecast.stepSeconds());
        fields.put("bound_lane", forecast.boundLane().label());
        fields.put("placement", placement());
        fields.put(
                "peak_bytes",
                ordered(
                        "device", plan.memory().deviceBytes(),
                        "host", plan.memory().hostBytes(),
                        "nvme", plan.memory().storeBytes()));
        fields.put(
                "minimum_bytes",
                ordered(
                        "device",
                        plan.memory().minimumDeviceBytes(),
                        "host",
                        plan.memory().minimumHostBytes()));
        fields.put("bytes_per_step", bytes(forecast));
        fields.put("sweep", sweep());
        fields.put("machine", plan.machine().name());
        fields.put("measured", plan.machine().measured());
        fields.put("tokens_per_second", forecast.tokensPerSecond());
        Map<String, Object> lanes = new LinkedHashMap<>();
        forecast.busySeconds().forEach((lane, seconds) -> lanes.put(lane.label(), seconds));
        fields.put("lane_seconds", lanes);
        fields.put("floor_seconds", forecast.boundSeconds());
        fields.put("pipeline_efficiency", forecast.efficiency());
        fields.put("hidden_transfer", forecast.hiddenTransfer());
        ArithmeticConfig arithmetic = plan.options().arithmetic();
        fields.put("perturbation", arithmetic.perturbation());
        fields.putAll(arithmetic.methodFields());
        fields.put("optimizer", arithmetic.optimizer());
        fields.put("queries", arithmetic.queries());
        fields.put("fold_every", arithmetic.foldEvery());
        fields.put("adapters", plan.options().adapters());
        fields.put("batch_size", plan.options().batchSize());
        fields.put("seq_len", plan.tokensEach());
        fields.put("micro_batch", plan.options().microBatch().orElseThrow());
        fields.put("prefetch", plan.placement().prefetch());
        fields.put(
                "slots",
                ordered(
                        "host",
                        plan.placement().hostSlots().stream().map(SlotCut::bytes).toList(),
                        "device",
                        plan.placement().deviceSlots()));
        fields.put(
                "budgets",
                ordered(
                        "device",
                        plan.memory().deviceBudget(),
                        "host",
                        plan.memory().hostBudget()));
        fields.put("scratch_bytes", plan.memory().scratchBytes());
        if (stateBytes() > 0) {
            fields.put("state_bytes", stateBytes());
        }
        if (plan.besideBytes() > 0) {
            fields.put("beside_bytes", plan.besideBytes());
        }
        fields.put("hiding_tokens", plan.counsel().hidingTokens());
        fields.put("drive_days", CommandContext.orNull(driveDays()));
        fields.put("advice", plan.counsel().advice());
        return fields;
    }

    /** What each lane moves in a step. */
    static Map<String, Object> bytes(Forecast forecast) {
        Map<String, Object> bytes = new LinkedHashMap<>();
        for (Lane lane : Lane.values()) {
            if (lane != Lane.COMPUTE) {
                bytes.put(lane.label(), Math.round(forecast.bytes().get(lane)));
            }
        }
        return bytes;
    }

    /** What an update rule keeps for the elements of all blocks. */
    private long stateBytes() {
        return plan.model().layout().stateBytes();
    }

    private List<Object> placement() {
        List<Object> rows = new ArrayList<>();
        List<Tier> homes = plan.placement().homes();
        for (int block = 0; block < homes.size(); block++) {
            rows.add(ordered("block", block, "tier", homes.get(block).label()));
        }
        return rows;
    }

    private List<Object> sweep() {
        List<Object> rows = new ArrayList<>();
        for (ModelPlan.SweepPoint point : plan.counsel().sweep()) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("host_budget", point.hostBudget());
            row.put("device_budget", point.deviceBudget());
            row.put("predicted_step_seconds", point.stepSeconds());
            row.put("bound_lane", point.boundLane());
            row.put("nvme_read_bytes", Math.round(point.nvmeBytes()));
            rows.add(row);
        }
        return rows;
    }

    private static Map<String, Object> ordered(Object... namesAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            fields.put(namesAndValues[i].toString(), namesAndValues[i + 1]);
        }
        return fields;
    }

    /** Days of tuning without a pause until the drive's rating is used up; NaN where none is. */
    private double driveDays() {
        double written = plan.forecast().bytes().get(Lane.NVME_WRITE);
        double steps = enduranceBytes / written;
        return written == 0 ? Double.NaN : steps * plan.forecast().stepSeconds() / DAY_SECONDS;
    }

    /** The answer for people. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(
                format(
                        "%s: %,d parameters, %s in %s, %d blocks%s",
                        plan.model().name(),
                        plan.model().layout().elementCount(),
                        size(plan.model().layout().weightBytes()),
                        plan.model().stored(),
                        plan.placement().homes().size(),
                        stateBytes() == 0
                                ? ""
                                : format(
                                        "; %s of states of %s lie beside the weights",
                                        size(stateBytes()),
                                        plan.options().arithmetic().optimizer())));
        lines.add(
                format(
                        "%s; %s%s",
                        plan.machine().name(),
                        plan.machine().device().name(),
                        plan.machine().measured()
                                ? ""
                                : "; nothing of it was measured, so take times as rough"));
        ArithmeticConfig arithmetic = plan.options().arithmetic();
        lines.add(
                format(
                        "batch %d x %d tokens, %d at a time, %s, %s%s",
                        plan.options().batchSize(),
                        plan.tokensEach(),
                        plan.options().microBatch().orElseThrow(),
                        directions(arithmetic),
                        arithmetic.optimizer(),
                        arithmetic.isReplayable() ? ", fold every " + arithmetic.foldEvery() : ""));
        if (plan.options().adapters() > 1) {
            lines.add(format("%d adapters share each pass", plan.options().adapters()));
        }
        if (plan.model().formed().isPresent() && !plan.machine().device().onHostCores()) {
            lines.add(
                    "no card reads codes yet, and 'tune' refuses them there: reckoned as if it did");
        }
        if (arithmetic.matmul() == Matmul.FP8) {
            lines.add("fp8 products are reckoned as native ones: nobody has measured them here");
        }
        lines.add("");
        addPlacement(lines);
        lines.add("");
        addStep(lines);
        lines.add("");
        addAdvice(lines);
        lines.add("");
        addSweep(lines);
        lines.add("");
        lines.add("Run it: " + new PlannedRun(plan).command());
        return lines;
    }

    private String directions(ArithmeticConfig arithmetic) {
        if (!arithmetic.isReplayable()) {
            return "gradients";
        }
        if (!(arithmetic.direction() instanceof FactoredDirection factored)) {
            return arithmetic.perturbation() + " z";
        }
        String rank = format("%s z of rank %d", factored.name(), factored.rank());
        return factored.window() == 0 ? rank : format("%s, window %d", rank, factored.window());
    }

    private void addPlacement(List<String> lines) {
        Placement placement = plan.placement();
        lines.add(
                "placement      blocks that stay      slots that others pass through    peak / budget");
        if (!placement.request().isUnified()) {
            lines.add(
                    format(
                            "  device       %-20s  %-32s  %s / %s",
                            stay(Tier.DEVICE),
                            slots(SlotCut.whole(placement.deviceSlots())),
                            size(plan.memory().deviceBytes()),
                            size(plan.memory().deviceBudget())));
        }
        lines.add(
                format(
                        "  host         %-20s  %-32s  %s / %s",
                        stay(Tier.HOST),
                        slots(placement.hostSlots()),
                        size(plan.memory().hostBytes()),
                        size(plan.memory().hostBudget())));
        lines.add(
                format(
                        "  nvme         %-20s  %-32s  %s",
                        stay(Tier.NVME), "", size(plan.memory().storeBytes())));
        lines.add(
                format(
                        "  %s of the %s are activations and other scratch; %d blocks are fetched ahead",
                        size(plan.memory().scratchBytes()),
                        placement.request().isUnified() ? "host's" : "device's",
                        placement.prefetch()));
        if (plan.besideBytes() > 0) {
            lines.add(
                    format(
                            "  %s of these are what is tuned beside the model, its states included;"
                                    + " it stays there",
                            size(plan.besideBytes())));
        }
        lines.add(
                format(
                        "  smallest budgets that work: --host-budget %d (%s)%s",
                        plan.memory().minimumHostBytes(),
                        size(plan.memory().minimumHostBytes()),
                        plan.memory().minimumDeviceBytes() == 0
                                ? ""
                                : format(
                                        ", --device-budget %d (%s)",
                                        plan.memory().minimumDeviceBytes(),
                                        size(plan.memory().minimumDeviceBytes()))));
    }

    private String stay(Tier tier) {
        List<Tier> homes = plan.placement().homes();
        long bytes = 0;
        int count = 0;
        for (int block = 0; block < homes.size(); block++) {
            if (homes.get(block) == tier) {
                bytes += plan.placement().request().blockBytes().get(block);
                count++;
            }
        }
        return count == 0 ? "none" : count + " (" + size(bytes) + ")";
    }

    private static String slots(List<SlotCut> slots) {
        if (slots.isEmpty()) {
            return "none";
        }
        Map<SlotCut, Integer> counts = new LinkedHashMap<>();
        slots.forEach(slot -> counts.merge(slot, 1, Integer::sum));
        List<String> parts = new ArrayList<>();
        counts.forEach((slot, count) -> parts.add(count + " of " + size(slot.bytes()) + cut(slot)));
        return String.join(", ", parts);
    }

    private static String cut(SlotCut slot) {
        return slot.parts() == 0
                ? ""
                : " (or " + slot.parts() + " of " + size(slot.partBytes()) + ")";
    }

    private void addStep(List<String> lines) {
        Forecast forecast = plan.forecast();
        lines.add(
                format(
                        "step           %s, %.4g tokens/s; bound by %s, pipeline efficiency %.2f,"
                                + " %.0f %% of transfers hidden",
                        seconds(forecast.stepSeconds()),
                        forecast.tokensPerSecond(),
                        forecast.boundLane().label(),
                        forecast.efficiency(),
                        100 * forecast.hiddenTransfer()));
        for (Lane lane : Lane.values()) {
            double busy = forecast.busySeconds().get(lane);
            if (busy > 0) {
                String bytes =
                        lane == Lane.COMPUTE
                                ? ""
                                : size(Math.round(forecast.bytes().get(lane))) + " a step";
                lines.add(format("  %-12s %12s  %s", lane.label(), seconds(busy), bytes));
            }
        }
        long tokens = (long) plan.options().batchSize() * plan.tokensEach();
        if (plan.counsel().hidingTokens() == 1) {
            lines.add("  transfers hide behind computing whatever the batch");
        } else if (plan.counsel().hidingTokens() > 1) {
            lines.add(
                    format(
                            "  transfers hide behind computing from about %,d tokens a step on;"
                                    + " this one has %,d",
                            plan.counsel().hidingTokens(), tokens));
        }
        if (!Double.isNaN(driveDays())) {
            lines.add(
                    format(
                            "  %s are written to the drive a step: %,.0f days to %s, its rating",
                            size(Math.round(forecast.bytes().get(Lane.NVME_WRITE))),
                            driveDays(),
                            terabytes(enduranceBytes)));
            addSeldom(lines, plan.options().arithmetic());
        }
    }

    /** What writing less often would make of it; low-rank updates gather for a window. */
    private void addSeldom(List<String> lines, ArithmeticConfig arithmetic) {
        int window = arithmetic.direction().window();
        int seldom = window > 0 ? window : SELDOM;
        boolean free = arithmetic.foldsAtWill();
        if (free && driveDays() < SOON_DAYS && arithmetic.foldEvery() < seldom) {
            lines.add(
                    format(
                            "  --fold-every %d would make it about %,.0f days",
                            seldom, driveDays() * seldom / arithmetic.foldEvery()));
        }
    }

    private void addAdvice(List<String> lines) {
        lines.add("change first");
        if (plan.counsel().advice().isEmpty()) {
            lines.add("  nothing that would gain 5 % was found among budgets, batch and folding");
        }
        plan.counsel().advice().forEach(line -> lines.add("  " + line));
        plan.machine().missing().forEach(line -> lines.add("  " + line));
    }

    private void addSweep(List<String> lines) {
        boolean unified = plan.placement().request().isUnified();
        lines.add(
                "other budgets  "
                        + (unified ? "" : "device      ")
                        + "host                step  bound by");
        ModelPlan.SweepPoint before = null;
        for (ModelPlan.SweepPoint point : plan.counsel().sweep()) {
            boolean own =
                    point.hostBudget() == plan.memory().hostBudget()
                            && point.deviceBudget() == plan.memory().deviceBudget();
            // Only where something changes: --json and --plot have every point.
            boolean same =
                    before != null
                            && before.deviceBudget() == point.deviceBudget()
                            && Math.abs(before.stepSeconds() / point.stepSeconds() - 1) < SAME;
            if (own || !same) {
                lines.add(
                        format(
                                "  %-12s %s%-9s %12s  %s",
                                own ? "this plan" : "",
                                unified ? "" : format("%-11s ", size(point.deviceBudget())),
                                size(point.hostBudget()),
                                seconds(point.stepSeconds()),
                                point.boundLane()));
                before = point;
            }
        }
    }

    private static String size(long bytes) {
        return ByteSize.format(bytes);
    }

    private static String seconds(double seconds) {
        return seconds < 1 ? format("%.3g ms", seconds * 1e3) : format("%.4g s", seconds);
    }

    private static String terabytes(long bytes) {
        return format("%.4g TB", bytes / 1e12);
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
