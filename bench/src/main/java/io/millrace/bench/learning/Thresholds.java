package io.millrace.bench.learning;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;

/**
 * Held-out losses, the times to which say how fast runs are.
 *
 * @param losses falling
 */
public record Thresholds(List<Double> losses) {
    private static final double[] SHARES = {0.25, 0.5, 0.75, 0.95};
    private static final MathContext TWO_DIGITS = new MathContext(2, RoundingMode.CEILING);

    /** Freezes the list. */
    public Thresholds {
        losses = List.copyOf(losses);
    }

    /**
     * Some on the way from one loss to another, in shares of the fall of its logarithm, rounded up
     * to two digits.
     *
     * @param base where all runs begin
     * @param best the least that any run has come to
     */
    public static Thresholds between(double base, double best) {
        return new Thresholds(
                DoubleStream.of(SHARES)
                        .map(share -> base * Math.pow(best / base, share))
                        .map(loss -> new BigDecimal(loss).round(TWO_DIGITS).doubleValue())
                        .filter(loss -> loss < base)
                        .distinct()
                        .boxed()
                        .toList());
    }

    /**
     * When a run was first seen at a loss or below it: the evaluation that saw it, with nothing
     * guessed of what lies between two.
     *
     * @return seconds of its steps; empty where it never was
     */
    static OptionalDouble seconds(Curve curve, double loss) {
        return curve.points().stream()
                .filter(point -> point.loss() <= loss)
                .mapToDouble(Curve.Point::spent)
                .findFirst();
    }
}
