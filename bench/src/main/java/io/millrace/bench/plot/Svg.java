package io.millrace.bench.plot;

import java.util.List;
import java.util.Locale;

/** An SVG picture as it is drawn, for light pages and dark ones; lengths are its own units. */
public final class Svg {
    /** Colours that are readable on white and on near-black alike. */
    static final List<String> COLOURS =
            List.of(
                    "#2f81f7", "#d97706", "#16a34a", "#c026d3", "#dc2626", "#0d9488", "#7c3aed",
                    "#94a3b8", "#a16207", "#db2777");

    private final StringBuilder text = new StringBuilder();

    /** A place in the picture, from its upper left corner. */
    public record Place(double x, double y) {}

    /** An empty picture. */
    public Svg(int width, int height) {
        add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                        + " viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">",
                width, height, width, height);
        add(
                "<style>.ink{fill:#1f2328}.line{stroke:#1f2328}.grid{stroke:#1f2328;opacity:.15}"
                        + ".page{fill:#fff}@media(prefers-color-scheme:dark){.ink{fill:#e6edf3}"
                        + ".line{stroke:#e6edf3}.grid{stroke:#e6edf3}.page{fill:#0d1117}}</style>");
        add("<rect class=\"page\" width=\"%d\" height=\"%d\"/>", width, height);
    }

    /** A straight line of an axis. */
    void line(double x1, double y1, double x2, double y2) {
        straight("line", x1, y1, x2, y2);
    }

    /** A straight line behind what is drawn. */
    void grid(double x1, double y1, double x2, double y2) {
        straight("grid", x1, y1, x2, y2);
    }

    private void straight(String kind, double x1, double y1, double x2, double y2) {
        add(
                "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                kind, x1, y1, x2, y2);
    }

    /** A straight line that is part of what is drawn. */
    void stroke(double x1, double y1, double x2, double y2, String colour) {
        add(
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>",
                x1, y1, x2, y2, colour);
    }

    /** A dot. */
    public void dot(Place place, String colour) {
        add("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"%s\"/>", place.x, place.y, colour);
    }

    /**
     * A line through places.
     *
     * @param dashes as {@code stroke-dasharray} has them; {@code none} for a whole line
     */
    public void curve(List<Place> places, String colour, String dashes) {
        StringBuilder points = new StringBuilder();
        for (Place place : places) {
            points.append(String.format(Locale.ROOT, "%.1f,%.1f ", place.x, place.y));
        }
        add(
                "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\""
                        + " stroke-dasharray=\"%s\"/>",
                points.toString().strip(), colour, dashes);
    }

    /**
     * Words.
     *
     * @param anchor which end of them is at the place: start, middle or end
     */
    public void text(double x, double y, String anchor, String words) {
        add(
                "<text class=\"ink\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
                x, y, anchor, words.replace("&", "&amp;").replace("<", "&lt;"));
    }

    /** The whole file. */
    public String end() {
        return text + "</svg>\n";
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private void add(String form, Object... values) {
        text.append(String.format(Locale.ROOT, form, values)).append('\n');
    }
}
