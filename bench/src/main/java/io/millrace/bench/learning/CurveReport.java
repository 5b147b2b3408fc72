package io.millrace.bench.learning;

import io.millrace.bench.plot.CurvePlot;
import io.millrace.bench.plot.Svg;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Methods beside each other, the one with the least held-out loss first. */
public final class CurveReport {
    private final CurveFile file;
    private final List<Rate> best;

    /** Of what a file has by now. */
    public CurveReport(CurveFile file) {
        this.file = file;
        best =
                file.rates().stream()
                        .filter(rate -> !file.curves(rate.method()).isEmpty())
                        .sorted(Comparator.comparingDouble(rate -> mean(rate, Curve.Point::loss)))
                        .toList();
    }

    /** A Markdown table. */
    public String table() {
        StringBuilder text = new StringBuilder();
        text.append(
                "| method | held-out loss: mean (least to greatest) | accuracy: mean (least to"
                        + " greatest) | seeds | forwards a step | forwards | eps | lr | s of steps,"
                        + " mean | s to find the rate |\n");
        text.append("|---|---|---|---|---|---|---|---|---|---|\n");
        for (Rate rate : best) {
            List<Curve> curves = file.curves(rate.method());
            text.append(
                    String.format(
                            Locale.ROOT,
                            "| %s | %s | %s | %d | %.1f | %.0f | %s | %s | %.1f | %.1f |%n",
                            rate.method(),
                            spread(curves, Curve.Point::loss),
                            spread(curves, Curve.Point::accuracy),
                            curves.size(),
                            rate.forwards(),
                            curves.stream()
                                    .mapToDouble(curve -> curve.end().spent())
                                    .average()
                                    .orElseThrow(),
                            rate.eps(),
                            rate.lr(),
                            curves.stream().mapToDouble(Curve::seconds).average().orElseThrow(),
                            rate.seconds()));
        }
        for (Rate rate : file.rates()) {
            if (!rate.isFound()) {
                text.append("\n- ").append(rate.method()).append(": ").append(rate.refusal());
            }
        }
        return text.append('\n').toString();
    }

    /** Held-out losses over forwards, each the mean over a method's seeds. */
    public String plot(String title) {
        Map<String, List<Svg.Place>> lines = new LinkedHashMap<>();
        for (Rate rate : best) {
            List<Curve> curves = file.curves(rate.method());
            int shortest = curves.stream().mapToInt(curve -> curve.points().size()).min().orElse(0);
            lines.put(
                    rate.method(),
                    IntStream.range(0, shortest)
                            .mapToObj(i ->
                                    new Svg.Place(
                                            curves.getFirst().points().get(i).spent(),
                                            curves.stream()
                                                    .mapToDouble(one -> one.points().get(i).loss())
                                                    .average()
                                                    .orElseThrow()))
                            .toList());
        }
        return new CurvePlot(lines).svg(title, "forwards of the batch");
    }

    private double mean(Rate rate, ToDoubleFunction<Curve.Point> figure) {
        return file.curves(rate.method()).stream()
                .mapToDouble(curve -> figure.applyAsDouble(curve.end()))
                .average()
                .orElseThrow();
    }

    private static String spread(List<Curve> curves, ToDoubleFunction<Curve.Point> figure) {
        double[] ends =
                curves.stream()
                        .map(Curve::end)
                        .mapToDouble(figure)
                        .filter(value -> !Double.isNaN(value))
                        .sorted()
                        .toArray();
        if (ends.length == 0) {
            return "";
        }
        double sum = 0;
        for (double end : ends) {
            sum += end;
        }
        return Double.isInfinite(sum)
                ? "diverged"
                : String.format(
                        Locale.ROOT,
                        "%.3f (%.3f to %.3f)",
                        sum / ends.length,
                        ends[0],
                        ends[ends.length - 1]);
    }
}
