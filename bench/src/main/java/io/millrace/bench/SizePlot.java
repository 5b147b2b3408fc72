package io.millrace.bench;

import java.util.List;
import java.util.Locale;

/** Step time over parameters × tokens, both axes logarithmic, with the line of equal cost. */
final class SizePlot {
    private static final int WIDTH = 720;
    private static final int HEIGHT = 440;
    private static final int LEFT = 70;
    private static final int BOTTOM = 380;
    private static final int TOP = 50;
    private static final int RIGHT = 690;
    private static final double BAND = 0.1;

    private final List<SizeCurve.Point> points;
    private final double unit;
    private final String batch;
    private final double fromX;
    private final double toX;
    private final double fromY;
    private final double toY;
    private final StringBuilder svg = new StringBuilder();

    /**
     * Of measured sizes.
     *
     * @param points in order of size
     * @param unit seconds a parameter and token, of the line
     */
    SizePlot(List<SizeCurve.Point> points, double unit, int batch, int tokens) {
        this.points = points;
        this.unit = unit;
        this.batch = batch + " × " + tokens;
        fromX = points.getFirst().tokenParameters() / 2;
        toX = points.getLast().tokenParameters() * 2;
        fromY = fromX * unit;
        toY = toX * unit;
    }

    String svg() {
        add(
                String.format(
                        Locale.ROOT,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                                + " font-family=\"sans-serif\" font-size=\"13\">",
                        WIDTH,
                        HEIGHT));
        add(
                String.format(
                        Locale.ROOT,
                        "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>",
                        WIDTH,
                        HEIGHT));
        text(WIDTH / 2.0, 24, "middle", "Seconds a step, batch " + batch + ", weights streamed");
        grid();
        line(1 + BAND, "#bbb");
        line(1 - BAND, "#bbb");
        line(1, "#888");
        for (SizeCurve.Point point : points) {
            double x = x(point.tokenParameters());
            double y = y(point.seconds());
            add(
                    String.format(
                            Locale.ROOT,
                            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"#1565c0\"/>",
                            x,
                            y));
            String off = String.format(Locale.ROOT, "%+.1f %%", 100 * (point.unit() / unit - 1));
            String label = point.name() + " (" + off + ")";
            if (x < (LEFT + RIGHT) / 2.0) {
                text(x + 10, y + 16, "start", label);
            } else {
                text(x - 10, y - 10, "end", label);
            }
        }
        text((LEFT + RIGHT) / 2.0, HEIGHT - 14, "middle", "parameters × tokens of a step");
        text(RIGHT, BOTTOM - 10, "end", "line: proportional; grey: ± 10 %");
        return svg.append("</svg>\n").toString();
    }

    private void grid() {
        for (double x = power(fromX); x <= toX; x *= 10) {
            if (x >= fromX) {
                stroke(x(x), TOP, x(x), BOTTOM, "#eee");
                text(x(x), BOTTOM + 18, "middle", "1e" + Math.round(Math.log10(x)));
            }
        }
        for (double y = power(fromY); y <= toY; y *= 10) {
            if (y >= fromY) {
                stroke(LEFT, y(y), RIGHT, y(y), "#eee");
                text(LEFT - 8, y(y) + 4, "end", String.format(Locale.ROOT, "%s s", number(y)));
            }
        }
        stroke(LEFT, BOTTOM, RIGHT, BOTTOM, "#333");
        stroke(LEFT, TOP, LEFT, BOTTOM, "#333");
    }

    private static double power(double value) {
        return Math.pow(10, Math.floor(Math.log10(value)));
    }

    private static String number(double value) {
        return value < 1 ? String.format(Locale.ROOT, "%.1f", value) : Math.round(value) + "";
    }

    private void line(double factor, String colour) {
        stroke(x(fromX), y(fromX * unit * factor), x(toX), y(toX * unit * factor), colour);
    }

    private double x(double value) {
        return LEFT + (RIGHT - LEFT) * Math.log(value / fromX) / Math.log(toX / fromX);
    }

    private double y(double seconds) {
        return BOTTOM - (BOTTOM - TOP) * Math.log(seconds / fromY) / Math.log(toY / fromY);
    }

    private void stroke(double x1, double y1, double x2, double y2, String colour) {
        add(
                String.format(
                        Locale.ROOT,
                        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>",
                        x1,
                        y1,
                        x2,
                        y2,
                        colour));
    }

    private void text(double x, double y, String anchor, String words) {
        add(
                String.format(
                        Locale.ROOT,
                        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
                        x,
                        y,
                        anchor,
                        words));
    }

    private void add(String element) {
        svg.append(element).append('\n');
    }
}
