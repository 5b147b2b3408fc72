package io.millrace.bench.learning;

import io.millrace.bench.plot.CurvePlot;
import io.millrace.bench.plot.Scale;
import io.millrace.bench.plot.Svg;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;

/**
 * Runs of the same seconds beside each other, the one with the least held-out loss first. Of
 * several seeds of a method the one of median loss is shown, and the least and the greatest are
 * told beside it.
 */
public final class TimeReport {
    private static final double MEBI = 1 << 20;
    private static final String NEVER = "-";

    private final CurveFile file;
    private final List<Shown> shown = new ArrayList<>();
    private final Thresholds thresholds;

    /** A method by one of its runs. */
    private record Shown(Rate rate, List<Curve> byLoss) {
        Curve curve() {
            return byLoss.get((byLoss.size() - 1) / 2);
        }

        Curve.Point least() {
            return TimeReport.least(curve());
        }
    }

    /**
     * Of what a file has by now.
     *
     * @param losses to tell the times to; empty for some between the base and the best run
     */
    public TimeReport(CurveFile file, List<Double> losses) {
        this.file = file;
        for (Rate rate : file.rates()) {
            List<Curve> byLoss =
                    file.curves(rate.method()).stream()
                            .sorted(Comparator.comparingDouble(curve -> least(curve).loss()))
                            .toList();
            if (!byLoss.isEmpty()) {
                shown.add(new Shown(rate, byLoss));
            }
        }
        shown.sort(Comparator.comparingDouble(one -> one.least().loss()));
        thresholds = losses.isEmpty() ? found() : new Thresholds(losses);
    }

    private Thresholds found() {
        if (shown.isEmpty()) {
            return new Thresholds(List.of());
        }
        double base = shown.getFirst().curve().points().getFirst().loss();
        double best =
                shown.getFirst().byLoss().getFirst().points().stream()
                        .mapToDouble(Curve.Point::loss)
                        .min()
                        .orElseThrow();
        return Thresholds.between(base, best);
    }

    private static Curve.Point least(Curve curve) {
        return curve.points().stream()
                .min(Comparator.comparingDouble(Curve.Point::loss))
                .orElseThrow();
    }

    /** A Markdown table. */
    public String table() {
        List<String> titles = new ArrayList<>(List.of("method", "step", "lr", "steps"));
        thresholds.losses().forEach(loss -> titles.add("s to " + number(loss)));
        titles.addAll(List.of("least held-out loss", "of seeds"));
        boolean labels = shown.stream().anyMatch(one -> !Double.isNaN(one.least().accuracy()));
        if (labels) {
            titles.add("accuracy there");
        }
        titles.addAll(
                List.of("host MiB of the run", "states of these", "resident MiB of the process"));
        StringBuilder text = new StringBuilder(row(titles));
        text.append(row(titles.stream().map(_ -> "---").toList()).replace(" ", ""));
        for (Shown one : shown) {
            text.append(row(cells(one, labels)));
        }
        for (Rate rate : file.rates()) {
            if (!rate.isFound()) {
                text.append("\n- ").append(rate.method()).append(": ").append(rate.refusal());
            }
        }
        return text.append('\n').toString();
    }

    private List<String> cells(Shown one, boolean labels) {
        Curve curve = one.curve();
        List<String> cells = new ArrayList<>();
        cells.add(curve.diverged() ? curve.method() + " (diverged)" : curve.method());
        cells.add(isForwards(one) ? "forwards" : "gradient");
        cells.add(number(curve.lr()));
        cells.add(format("%.0f", curve.figures().get(TimedRun.STEPS)));
        for (double loss : thresholds.losses()) {
            cells.add(
                    Thresholds.seconds(curve, loss).stream()
                            .mapToObj(seconds -> format("%.1f", seconds))
                            .findFirst()
                            .orElse(NEVER));
        }
        cells.add(format("%.4f", one.least().loss()));
        cells.add(
                one.byLoss().size() == 1
                        ? "1"
                        : format(
                                "%d, %.4f to %.4f",
                                one.byLoss().size(),
                                least(one.byLoss().getFirst()).loss(),
                                least(one.byLoss().getLast()).loss()));
        if (labels) {
            cells.add(format("%.4f", one.least().accuracy()));
        }
        for (String figure :
                List.of(TimedRun.HOST_BYTES, TimedRun.STATE_BYTES, TimedRun.RESIDENT_BYTES)) {
            Double bytes = curve.figures().get(figure);
            cells.add(bytes == null ? NEVER : format("%.1f", bytes / MEBI));
        }
        return cells;
    }

    private static boolean isForwards(Shown one) {
        return !Contenders.named(one.rate().method()).isFirstOrder();
    }

    /** Held-out losses over seconds; lines of forwards alone are dashed. */
    public String plot(String title) {
        Map<String, List<Svg.Place>> lines = new LinkedHashMap<>();
        Set<String> dashed = new LinkedHashSet<>();
        for (Shown one : shown) {
            String name = one.rate().method();
            lines.put(
                    name,
                    one.curve().points().stream()
                            .map(point -> new Svg.Place(point.spent(), point.loss()))
                            .toList());
            if (isForwards(one)) {
                dashed.add(name);
            }
        }
        return new CurvePlot(lines, Scale.Kind.LOGARITHMIC, dashed)
                .svg(title, "seconds of steps (dashed: forwards alone)");
    }

    private static String row(List<String> cells) {
        StringJoiner row = new StringJoiner(" | ", "| ", " |\n");
        cells.forEach(row::add);
        return row.toString();
    }

    private static String number(double value) {
        return format("%.3g", value)
                .replaceAll("(\\.\\d*?)0+(e|$)", "$1$2")
                .replaceAll("\\.(e|$)", "$1");
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
