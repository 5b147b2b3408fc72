package io.millrace.bench.plot;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Several curves over one axis, the other logarithmic, with their names beside them. */
public final class CurvePlot {
    private static final int WIDTH = 900;
    private static final int HEIGHT = 500;
    private static final int LEFT = 60;
    private static final int RIGHT = 720;
    private static final int TOP = 50;
    private static final int BOTTOM = 440;
    private static final int LEGEND_LINE = 20;
    private static final double MARGIN = 1.03;
    private static final List<String> COLOURS =
            List.of(
                    "#1565c0", "#c62828", "#2e7d32", "#6a1b9a", "#ef6c00", "#00838f", "#ad1457",
                    "#5d4037", "#455a64", "#9e9d24");
    private static final List<String> DASHES = List.of("none", "7 3", "2 3");

    private final Map<String, List<Svg.Place>> curves;
    private final double greatestX;
    private final double leastY;
    private final double greatestY;
    private final Svg svg = new Svg(WIDTH, HEIGHT);

    /**
     * Curves by name. Where they begin is the top of the plot: what rises above is not drawn.
     *
     * @param curves in the order of their names in the plot, each by its x, with y above 0
     */
    public CurvePlot(Map<String, List<Svg.Place>> curves) {
        this.curves = curves;
        List<Svg.Place> all = curves.values().stream().flatMap(List::stream).toList();
        greatestX = all.stream().mapToDouble(Svg.Place::x).max().orElseThrow();
        leastY = all.stream().mapToDouble(Svg.Place::y).min().orElseThrow() / MARGIN;
        greatestY =
                MARGIN
                        * curves.values().stream()
                                .mapToDouble(curve -> curve.getFirst().y())
                                .max()
                                .orElseThrow();
    }

    /** Draws it. */
    public String svg(String title, String axis) {
        svg.text((LEFT + RIGHT) / 2.0, 26, "middle", title);
        svg.text((LEFT + RIGHT) / 2.0, HEIGHT - 16, "middle", axis);
        grid();
        int number = 0;
        for (Map.Entry<String, List<Svg.Place>> curve : curves.entrySet()) {
            String colour = COLOURS.get(number % COLOURS.size());
            String dashes = DASHES.get(number / COLOURS.size() % DASHES.size());
            List<Svg.Place> seen = new ArrayList<>();
            for (Svg.Place place : curve.getValue()) {
                if (place.y() <= greatestY) {
                    seen.add(new Svg.Place(x(place.x()), y(place.y())));
                }
            }
            svg.curve(seen, colour, dashes);
            double y = TOP + 8 + LEGEND_LINE * number++;
            svg.curve(
                    List.of(new Svg.Place(RIGHT + 16, y), new Svg.Place(RIGHT + 46, y)),
                    colour,
                    dashes);
            svg.text(RIGHT + 54, y + 4, "start", curve.getKey());
        }
        return svg.end();
    }

    private void grid() {
        for (double y : ticks()) {
            svg.stroke(LEFT, y(y), RIGHT, y(y), "#eee");
            svg.text(
                    LEFT - 8,
                    y(y) + 4,
                    "end",
                    String.format(Locale.ROOT, "%.4g", y).replaceAll("\\.?0+$", ""));
        }
        double step = niceStep(greatestX / 5);
        for (double x = 0; x <= greatestX * (1 + 1e-9); x += step) {
            svg.stroke(x(x), BOTTOM, x(x), BOTTOM + 5, "#333");
            svg.text(x(x), BOTTOM + 20, "middle", String.format(Locale.ROOT, "%,.0f", x));
        }
        svg.stroke(LEFT, BOTTOM, RIGHT, BOTTOM, "#333");
        svg.stroke(LEFT, TOP, LEFT, BOTTOM, "#333");
    }

    /** Equal steps where the axis is short, else 1, 2 and 5 of every power of ten. */
    private List<Double> ticks() {
        List<Double> ticks = new ArrayList<>();
        if (greatestY / leastY < 4) {
            double step = niceStep((greatestY - leastY) / 6);
            for (double y = Math.ceil(leastY / step) * step; y <= greatestY; y += step) {
                ticks.add(y);
            }
            return ticks;
        }
        for (double power = Math.pow(10, Math.floor(Math.log10(leastY)));
                power <= greatestY;
                power *= 10) {
            for (double digit : new double[] {1, 2, 5}) {
                if (digit * power >= leastY && digit * power <= greatestY) {
                    ticks.add(digit * power);
                }
            }
        }
        return ticks;
    }

    /** 1, 2 or 5 times a power of ten. */
    private static double niceStep(double about) {
        double power = Math.pow(10, Math.floor(Math.log10(about)));
        double digit = about / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    private double x(double value) {
        return LEFT + (RIGHT - LEFT) * value / greatestX;
    }

    private double y(double value) {
        return BOTTOM - (BOTTOM - TOP) * Math.log(value / leastY) / Math.log(greatestY / leastY);
    }
}
