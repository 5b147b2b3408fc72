package io.millrace.bench.plot;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

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
    private static final List<String> DASHES = List.of("none", "7 3", "2 3");

    private final Map<String, List<Svg.Place>> curves;
    private final Set<String> dashed;
    private final Scale across;
    private final Scale down;
    private final Svg svg = new Svg(WIDTH, HEIGHT);

    /** Curves by name over an axis of equal steps that begins at 0. */
    public CurvePlot(Map<String, List<Svg.Place>> curves) {
        this(curves, Scale.Kind.LINEAR, Set.of());
    }

    /**
     * Curves by name. Where they begin is the top of the plot: what rises above is not drawn, nor
     * what has no place on a logarithmic axis.
     *
     * @param curves in the order of their names in the plot, each by its x, with y above 0
     * @param kind of the axis of x
     * @param dashed names of those that are another kind; they take colours from the other end
     */
    public CurvePlot(Map<String, List<Svg.Place>> curves, Scale.Kind kind, Set<String> dashed) {
        this.curves = curves;
        this.dashed = dashed;
        List<Svg.Place> all = curves.values().stream().flatMap(List::stream).toList();
        double greatestX = all.stream().mapToDouble(Svg.Place::x).max().orElseThrow();
        double leastX =
                kind == Scale.Kind.LINEAR
                        ? 0
                        : all.stream()
                                .mapToDouble(Svg.Place::x)
                                .filter(x -> x > 0)
                                .min()
                                .orElseThrow();
        across = new Scale(kind, leastX, greatestX);
        double leastY = all.stream().mapToDouble(Svg.Place::y).min().orElseThrow() / MARGIN;
        double greatestY =
                MARGIN
                        * curves.values().stream()
                                .mapToDouble(curve -> curve.getFirst().y())
                                .max()
                                .orElseThrow();
        down = new Scale(Scale.Kind.LOGARITHMIC, leastY, greatestY);
    }

    /** Draws it. */
    public String svg(String title, String axis) {
        svg.text((LEFT + RIGHT) / 2.0, 26, "middle", title);
        svg.text((LEFT + RIGHT) / 2.0, HEIGHT - 16, "middle", axis);
        grid();
        int number = 0;
        int[] ofKind = new int[2];
        for (Map.Entry<String, List<Svg.Place>> curve : curves.entrySet()) {
            int kind = dashed.contains(curve.getKey()) ? 1 : 0;
            int colours = Svg.COLOURS.size();
            int shade = ofKind[kind] % colours;
            String colour = Svg.COLOURS.get(kind == 0 ? shade : colours - 1 - shade);
            String dashes = DASHES.get((ofKind[kind]++ / colours + kind) % DASHES.size());
            List<Svg.Place> seen = new ArrayList<>();
            for (Svg.Place place : curve.getValue()) {
                if (down.has(place.y()) && across.has(place.x())) {
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
        for (double y : down.ticks(6)) {
            svg.grid(LEFT, y(y), RIGHT, y(y));
            svg.text(LEFT - 8, y(y) + 4, "end", number(y));
        }
        for (double x : across.ticks(5)) {
            svg.line(x(x), BOTTOM, x(x), BOTTOM + 5);
            svg.text(x(x), BOTTOM + 20, "middle", number(x));
        }
        svg.line(LEFT, BOTTOM, RIGHT, BOTTOM);
        svg.line(LEFT, TOP, LEFT, BOTTOM);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 1000 ? "%.4g" : "%,.0f", value)
                .replaceAll("(\\.\\d*?)0+$", "$1")
                .replaceAll("\\.$", "");
    }

    private double x(double value) {
        return LEFT + (RIGHT - LEFT) * across.share(value);
    }

    private double y(double value) {
        return BOTTOM - (BOTTOM - TOP) * down.share(value);
    }
}
