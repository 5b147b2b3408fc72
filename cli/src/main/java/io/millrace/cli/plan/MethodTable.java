package io.millrace.cli.plan;

import io.millrace.executor.plan.Durations;
import io.millrace.executor.plan.MethodPlan;
import io.millrace.executor.plan.MethodPlans;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.memory.ByteSize;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.telemetry.Lane;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Methods side by side as people and programs read them, beside the plan of one.
 *
 * @param plans of each
 * @param plan that has the budgets
 */
public record MethodTable(MethodPlans plans, ModelPlan plan) {
    private static final String ROW = "  %-16s %11s %11s %11s %11s %11s %12s  %s";
    private static final String NONE = "-";

    /** The answer for programs. */
    public Map<String, Object> fields() {
        Map<String, Object> cheapest = new LinkedHashMap<>();
        cheapest.put("gradient", name(true));
        cheapest.put("forwards", name(false));
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("methods", plans.methods().stream().map(MethodTable::fields).toList());
        fields.put("cheapest", cheapest);
        return fields;
    }

    private String name(boolean firstOrder) {
        return plans.cheapest(firstOrder).map(one -> one.method().name()).orElse(null);
    }

    private static Map<String, Object> fields(MethodPlan one) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", one.method().name());
        fields.put("gradient", one.method().isFirstOrder());
        fields.put("fits", one.fits());
        one.memory()
                .ifPresent(memory -> {
                    fields.put("state_bytes", memory.stateBytes());
                    fields.put("resident_host_bytes", memory.residentHostBytes());
                    Map<String, Object> least = new LinkedHashMap<>();
                    least.put("device", memory.smallestDeviceBytes());
                    least.put("host", memory.smallestHostBytes());
                    fields.put("minimum_bytes", least);
                });
        one.forecast()
                .ifPresent(forecast -> {
                    fields.put("predicted_step_seconds", forecast.stepSeconds());
                    fields.put("bound_lane", forecast.boundLane().label());
                    fields.put("bytes_per_step", PlanReport.bytes(forecast));
                });
        if (!one.refusal().isEmpty()) {
            fields.put("refusal", one.refusal());
        }
        return fields;
    }

    /** The answer for people. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(
                format(
                        "methods, under %s of host memory; those that fit by their seconds a step",
                        ByteSize.format(plan.memory().hostBudget())));
        lines.add(
                format(
                        ROW,
                        "",
                        "states",
                        "all in host",
                        "at least",
                        "read a step",
                        "written",
                        "step",
                        "bound by"));
        addKind(lines, "gradients", true);
        addKind(lines, "forwards alone", false);
        addCheapest(lines);
        addRefusals(lines);
        return lines;
    }

    private void addKind(List<String> lines, String title, boolean firstOrder) {
        List<MethodPlan> kind =
                plans.methods().stream()
                        .filter(one -> one.method().isFirstOrder() == firstOrder)
                        .filter(one -> one.memory().isPresent())
                        .sorted(Comparator.comparingDouble(MethodTable::seconds))
                        .toList();
        if (!kind.isEmpty()) {
            lines.add(title);
            kind.forEach(one -> lines.add(line(one)));
        }
    }

    private static double seconds(MethodPlan one) {
        return one.forecast().map(Forecast::stepSeconds).orElse(Double.POSITIVE_INFINITY);
    }

    private static String line(MethodPlan one) {
        MethodPlan.Memory memory = one.memory().orElseThrow();
        return one.forecast()
                .map(forecast ->
                        row(
                                one,
                                memory,
                                bytes(forecast, Lane.NVME_READ),
                                bytes(forecast, Lane.NVME_WRITE),
                                Durations.format(forecast.stepSeconds()),
                                forecast.boundLane().label()))
                .orElseGet(() -> row(one, memory, NONE, NONE, NONE, "does not fit"));
    }

    private static String row(
            MethodPlan one,
            MethodPlan.Memory memory,
            String read,
            String written,
            String step,
            String bound) {
        return format(
                ROW,
                one.method().name(),
                size(memory.stateBytes()),
                size(memory.residentHostBytes()),
                size(memory.smallestHostBytes()),
                read,
                written,
                step,
                bound);
    }

    private static String bytes(Forecast forecast, Lane lane) {
        return size(Math.round(forecast.bytes().get(lane)));
    }

    private static String size(long bytes) {
        return bytes == 0 ? NONE : ByteSize.format(bytes);
    }

    private void addCheapest(List<String> lines) {
        List<String> words = new ArrayList<>();
        plans.cheapest(true).ifPresent(one -> words.add(cheapest(one, "of gradients")));
        plans.cheapest(false).ifPresent(one -> words.add(cheapest(one, "of forwards alone")));
        lines.add("cheapest");
        if (words.isEmpty()) {
            lines.add("  none of them fits");
            return;
        }
        lines.add("  " + String.join("; ", words));
        lines.add(
                "  by the seconds of a step alone: how far steps of each bring a model is in"
                        + " docs/first-order.md");
    }

    private static String cheapest(MethodPlan one, String kind) {
        return format("%s, %s: %s", kind, one.method().name(), Durations.format(seconds(one)));
    }

    /** Where it is not the host budget that is too small, or not that alone. */
    private void addRefusals(List<String> lines) {
        List<String> refusals = new ArrayList<>();
        for (MethodPlan one : plans.methods()) {
            boolean told =
                    one.memory()
                            .filter(memory ->
                                    memory.smallestHostBytes() > plan.memory().hostBudget())
                            .isPresent();
            if (!one.fits() && !told) {
                refusals.add("  " + one.method().name() + ": " + one.refusal());
            }
        }
        if (!refusals.isEmpty()) {
            lines.add("refused");
            lines.addAll(refusals);
        }
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
