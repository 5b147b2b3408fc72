package io.millrace.cli.plan;

import io.millrace.executor.plan.ModelPlan;
import io.millrace.memory.ByteSize;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The sweep over budgets as a picture: step time over host budget, a line for each device budget.
 */
public final class SweepPlot {
    private static final int WIDTH = 760;
    private static final int HEIGHT = 420;
    private static final int LEFT = 70;
    private static final int RIGHT = 190;
    private static final int TOP = 46;
    private static final int BOTTOM = 56;
    // Readable on white and on near-black alike.
    private static final List<String> COLOURS =
            List.of("#2f81f7", "#d97706", "#16a34a", "#c026d3", "#dc2626", "#0d9488", "#7c3aed");

    private final ModelPlan plan;
    private final Map<Long, List<ModelPlan.SweepPoint>> series = new LinkedHashMap<>();
    private final StringBuilder out = new StringBuilder();
    private double least = Double.POSITIVE_INFINITY;
    private double most;
    private double slowest;

    private SweepPlot(ModelPlan plan) {
        this.plan = plan;
        for (ModelPlan.SweepPoint point : plan.counsel().sweep()) {
            series.computeIfAbsent(point.deviceBudget(), missing -> new ArrayList<>()).add(point);
            least = Math.min(least, (double) point.hostBudget());
            most = Math.max(most, (double) point.hostBudget());
            slowest = Math.max(slowest, point.stepSeconds());
        }
    }

    /** The picture. */
    public static String svg(ModelPlan plan) {
        SweepPlot plot = new SweepPlot(plan);
        plot.draw();
        return plot.out.toString();
    }

    private void draw() {
        add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\""
                        + " font-family=\"system-ui, sans-serif\" font-size=\"12\">",
                WIDTH, HEIGHT);
        add("<title>Step time over memory budgets of %s</title>", escape(plan.model().name()));
        add(
                "<style>.ink{fill:#1f2328}.line{stroke:#1f2328}.grid{stroke:#1f2328;opacity:.15}"
                        + ".page{fill:#fff}@media(prefers-color-scheme:dark){.ink{fill:#e6edf3}"
                        + ".line{stroke:#e6edf3}.grid{stroke:#e6edf3}.page{fill:#0d1117}}</style>");
        add("<rect class=\"page\" width=\"%d\" height=\"%d\"/>", WIDTH, HEIGHT);
        add(
                "<text class=\"ink\" x=\"%d\" y=\"24\" font-size=\"15\">%s, batch %d × %d: seconds a"
                        + " step over host budget</text>",
                LEFT, escape(plan.model().name()), plan.options().batchSize(), plan.tokensEach());
        axes();
        int number = 0;
        for (Map.Entry<Long, List<ModelPlan.SweepPoint>> one : series.entrySet()) {
            line(one.getKey(), one.getValue(), number++);
        }
        here();
        add("</svg>");
    }

    private void axes() {
        double step = niceStep(slowest / 5);
        for (double value = 0; value <= top(step) + 1e-9; value += step) {
            double y = y(value, step);
            add(
                    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>",
                    LEFT, WIDTH - RIGHT, y, y);
            add(
                    "<text class=\"ink\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                    LEFT - 8, y + 4, number(value));
        }
        add(
                "<line class=\"line\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>",
                LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, HEIGHT - BOTTOM);
        double size = 1;
        while (size < least) {
            size *= 2;
        }
        for (; size <= most; size *= 2) {
            double x = x(size);
            add(
                    "<line class=\"line\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>",
                    x, x, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 5);
            add(
                    "<text class=\"ink\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                    x, HEIGHT - BOTTOM + 20, ByteSize.format((long) size).replace(".00", ""));
        }
        add(
                "<text class=\"ink\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">host budget</text>",
                (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12);
    }

    private void line(long device, List<ModelPlan.SweepPoint> points, int number) {
        String colour = COLOURS.get(number % COLOURS.size());
        StringBuilder path = new StringBuilder();
        for (ModelPlan.SweepPoint point : points) {
            path.append(
                    String.format(
                            Locale.ROOT,
                            "%s%.1f %.1f",
                            path.isEmpty() ? "M" : "L",
                            x((double) point.hostBudget()),
                            y(point)));
        }
        add("<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>", path, colour);
        for (ModelPlan.SweepPoint point : points) {
            add(
                    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"><title>%s: %s s, bound by"
                            + " %s</title></circle>",
                    x((double) point.hostBudget()),
                    y(point),
                    colour,
                    ByteSize.format(point.hostBudget()),
                    number(point.stepSeconds()),
                    point.boundLane());
        }
        int at = TOP + 16 + 20 * number;
        add(
                "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" fill=\"%s\"/>",
                WIDTH - RIGHT + 18, at - 6, colour);
        add(
                "<text class=\"ink\" x=\"%d\" y=\"%d\">%s</text>",
                WIDTH - RIGHT + 38,
                at,
                device == 0 ? "all memory is the host's" : "device " + ByteSize.format(device));
    }

    /** A ring round the plan itself. */
    private void here() {
        for (ModelPlan.SweepPoint point : plan.counsel().sweep()) {
            if (point.hostBudget() == plan.memory().hostBudget()
                    && point.deviceBudget() == plan.memory().deviceBudget()) {
                add(
                        "<circle class=\"line\" cx=\"%.1f\" cy=\"%.1f\" r=\"8\" fill=\"none\""
                                + " stroke-width=\"1.5\"/>",
                        x((double) point.hostBudget()), y(point));
                int at = TOP + 16 + 20 * series.size();
                add(
                        "<circle class=\"line\" cx=\"%d\" cy=\"%d\" r=\"6\" fill=\"none\""
                                + " stroke-width=\"1.5\"/>",
                        WIDTH - RIGHT + 25, at - 4);
                add(
                        "<text class=\"ink\" x=\"%d\" y=\"%d\">this plan</text>",
                        WIDTH - RIGHT + 38, at);
            }
        }
    }

    private double x(double hostBudget) {
        double span = Math.log(most / least);
        double share = span == 0 ? 0.5 : Math.log(hostBudget / least) / span;
        return LEFT + 10 + share * (WIDTH - LEFT - RIGHT - 20);
    }

    private double y(ModelPlan.SweepPoint point) {
        return y(point.stepSeconds(), niceStep(slowest / 5));
    }

    private double y(double seconds, double step) {
        return HEIGHT - BOTTOM - seconds / top(step) * (HEIGHT - TOP - BOTTOM);
    }

    private double top(double step) {
        return Math.ceil(slowest / step) * step;
    }

    /** 1, 2 or 5 times a power of ten. */
    private static double niceStep(double about) {
        double power = Math.pow(10, Math.floor(Math.log10(about)));
        double digit = about / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.4g", value).replaceAll("\\.?0+$", "");
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private void add(String form, Object... values) {
        out.append(String.format(Locale.ROOT, form, values)).append('\n');
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;");
    }
}
