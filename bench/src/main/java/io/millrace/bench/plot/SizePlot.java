package io.millrace.bench.plot;

import java.util.List;
import java.util.Locale;

/** Step time over parameters × tokens, both axes logarithmic, with the line of equal cost. */
public final class SizePlot {
    private static final int WIDTH = 720;
    private static final int HEIGHT = 440;
    private static final int LEFT = 70;
    private static final int BOTTOM = 380;
    private static final int TOP = 50;
    private static final int RIGHT = 690;
    private static final double BAND = 0.1;

    private final List<Point> points;
    private final double unit;
    private final String batch;
    private final double fromX;
    private final double toX;
    private final double fromY;
    private final double toY;
    private final Svg svg = new Svg(WIDTH, HEIGHT);

    /** A measured size. */
    public record Point(String name, long parameters, double tokenParameters, double seconds) {
        /** Seconds for each parameter and token. */
        public double unit() {
            return seconds / tokenParameters;
        }
    }

    /**
     * Of measured sizes.
     *
     * @param points in order of size
     * @param unit seconds a parameter and token, of the line
     */
    public SizePlot(List<Point> points, double unit, int batch, int tokens) {
        this.points = points;
        this.unit = unit;
        this.batch = batch + " × " + tokens;
        fromX = points.getFirst().tokenParameters() / 2;
        toX = points.getLast().tokenParameters() * 2;
        fromY = fromX * unit;
        toY = toX * unit;
    }

    /** The picture. */
    public String svg() {
        svg.text(
                WIDTH / 2.0, 24, "middle", "Seconds a step, batch " + batch + ", weights streamed");
        grid();
        line(1 + BAND, "#bbb");
        line(1 - BAND, "#bbb");
        line(1, "#888");
        for (Point point : points) {
            double x = x(point.tokenParameters());
            double y = y(point.seconds());
            svg.dot(new Svg.Place(x, y), Svg.COLOURS.getFirst());
            String off = String.format(Locale.ROOT, "%+.1f %%", 100 * (point.unit() / unit - 1));
            String label = point.name() + " (" + off + ")";
            if (x < (LEFT + RIGHT) / 2.0) {
                svg.text(x + 10, y + 16, "start", label);
            } else {
                svg.text(x - 10, y - 10, "end", label);
            }
        }
        svg.text((LEFT + RIGHT) / 2.0, HEIGHT - 14, "middle", "parameters × tokens of a step");
        svg.text(RIGHT, BOTTOM - 10, "end", "line: proportional; grey: ± 10 %");
        return svg.end();
    }

    private void grid() {
        for (double x = power(fromX); x <= toX; x *= 10) {
            if (x >= fromX) {
                svg.grid(x(x), TOP, x(x), BOTTOM);
                svg.text(x(x), BOTTOM + 18, "middle", "1e" + Math.round(Math.log10(x)));
            }
        }
        for (double y = power(fromY); y <= toY; y *= 10) {
            if (y >= fromY) {
                svg.grid(LEFT, y(y), RIGHT, y(y));
                svg.text(LEFT - 8, y(y) + 4, "end", String.format(Locale.ROOT, "%s s", number(y)));
            }
        }
        svg.line(LEFT, BOTTOM, RIGHT, BOTTOM);
        svg.line(LEFT, TOP, LEFT, BOTTOM);
    }

    private static double power(double value) {
        return Math.pow(10, Math.floor(Math.log10(value)));
    }

    private static String number(double value) {
        return value < 1 ? String.format(Locale.ROOT, "%.1f", value) : Math.round(value) + "";
    }

    private void line(double factor, String colour) {
        svg.stroke(x(fromX), y(fromX * unit * factor), x(toX), y(toX * unit * factor), colour);
    }

    private double x(double value) {
        return LEFT + (RIGHT - LEFT) * Math.log(value / fromX) / Math.log(toX / fromX);
    }

    private double y(double seconds) {
        return BOTTOM - (BOTTOM - TOP) * Math.log(seconds / fromY) / Math.log(toY / fromY);
    }
}
