package io.millrace.cli.plan;

import io.millrace.executor.plan.SpreadSimulation;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Simulated steps of ever more workers as a picture: speed over workers, both by doublings. */
public final class ScalingPlot {
    private static final int WIDTH = 640;
    private static final int HEIGHT = 420;
    private static final int LEFT = 60;
    private static final int RIGHT = 150;
    private static final int TOP = 46;
    private static final int BOTTOM = 56;

    private final List<SpreadSimulation.Point> points;
    private final StringBuilder out = new StringBuilder();
    private final int doublings;

    private ScalingPlot(List<SpreadSimulation.Point> points) {
        this.points = points;
        doublings = Math.max(1, points.size() - 1);
    }

    /**
     * The picture.
     *
     * @param title what was simulated
     * @param points from one worker on
     */
    public static String svg(String title, List<SpreadSimulation.Point> points) {
        ScalingPlot plot = new ScalingPlot(points);
        plot.draw(title);
        return plot.out.toString();
    }

    private void draw(String title) {
        add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\""
                        + " font-family=\"system-ui, sans-serif\" font-size=\"12\">",
                WIDTH, HEIGHT);
        String safe = title.replace("&", "&amp;").replace("<", "&lt;");
        add("<title>%s</title>", safe);
        add(
                "<style>.ink{fill:#1f2328}.line{stroke:#1f2328}.grid{stroke:#1f2328;opacity:.15}"
                        + ".page{fill:#fff}@media(prefers-color-scheme:dark){.ink{fill:#e6edf3}"
                        + ".line{stroke:#e6edf3}.grid{stroke:#e6edf3}.page{fill:#0d1117}}</style>");
        add("<rect class=\"page\" width=\"%d\" height=\"%d\"/>", WIDTH, HEIGHT);
        add("<text class=\"ink\" x=\"%d\" y=\"24\" font-size=\"15\">%s</text>", LEFT, safe);
        axes();
        line(0, "as many times as fast", "#8b949e", point -> point.step().workers());
        line(
                1,
                "as forecast",
                "#d97706",
                point -> points.getFirst().step().seconds() / point.step().seconds());
        line(2, "with stragglers", "#2f81f7", SpreadSimulation.Point::speedup);
        add("</svg>");
    }

    private void axes() {
        for (int power = 0; power <= doublings; power++) {
            double value = Math.pow(2, power);
            add(
                    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>",
                    LEFT, WIDTH - RIGHT, y(value), y(value));
            add(
                    "<text class=\"ink\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>",
                    LEFT - 8, y(value) + 4, value);
            add(
                    "<text class=\"ink\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>",
                    x(value), HEIGHT - BOTTOM + 20, value);
        }
        add(
                "<line class=\"line\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>",
                LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, HEIGHT - BOTTOM);
        add(
                "<text class=\"ink\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">workers</text>",
                (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12);
    }

    private void line(
            int number,
            String name,
            String colour,
            ToDoubleFunction<SpreadSimulation.Point> speed) {
        StringBuilder path = new StringBuilder();
        for (SpreadSimulation.Point point : points) {
            path.append(
                    String.format(
                            Locale.ROOT,
                            "%s%.1f %.1f",
                            path.isEmpty() ? "M" : "L",
                            x(point.step().workers()),
                            y(Math.max(1, speed.applyAsDouble(point)))));
        }
        add("<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>", path, colour);
        int at = TOP + 16 + 20 * number;
        add(
                "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" fill=\"%s\"/>",
                WIDTH - RIGHT + 12, at - 6, colour);
        add("<text class=\"ink\" x=\"%d\" y=\"%d\">%s</text>", WIDTH - RIGHT + 32, at, name);
    }

    private double x(double workers) {
        return LEFT + 10 + log2(workers) / doublings * (WIDTH - LEFT - RIGHT - 20);
    }

    private double y(double speed) {
        return HEIGHT - BOTTOM - log2(speed) / doublings * (HEIGHT - TOP - BOTTOM);
    }

    private static double log2(double value) {
        return Math.log(value) / Math.log(2);
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private void add(String form, Object... values) {
        out.append(String.format(Locale.ROOT, form, values)).append('\n');
    }
}
