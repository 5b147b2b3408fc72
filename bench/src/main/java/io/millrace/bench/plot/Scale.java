package io.millrace.bench.plot;

import java.util.ArrayList;
import java.util.List;

/**
 * How values lie along an axis, and which of them are named on it.
 *
 * @param kind equal steps, or equal factors
 * @param least at one end of the axis; above 0 where factors are equal
 * @param greatest at the other
 */
public record Scale(Kind kind, double least, double greatest) {
    /** How values lie. */
    public enum Kind {
        /** Equal steps. */
        LINEAR,
        /** Equal factors. */
        LOGARITHMIC
    }

    private static final double SHORT = 4; // factors up to which equal steps read better
    private static final double[] DIGITS = {1, 2, 5};

    /** Where a value lies, from 0 at one end to 1 at the other. */
    double share(double value) {
        return kind == Kind.LINEAR
                ? (value - least) / (greatest - least)
                : Math.log(value / least) / Math.log(greatest / least);
    }

    /** Whether a value has a place on the axis. */
    boolean has(double value) {
        return value >= least && value <= greatest;
    }

    /**
     * Values to name: of a long logarithmic axis 1, 2 and 5 of every power of ten, else equal
     * steps.
     *
     * @param about how many equal steps
     */
    List<Double> ticks(int about) {
        List<Double> ticks = new ArrayList<>();
        if (kind == Kind.LINEAR || greatest / least < SHORT) {
            double step = niceStep((greatest - least) / about);
            for (double x = Math.ceil(least / step) * step;
                    x <= greatest + step * 1e-9;
                    x += step) {
                ticks.add(x);
            }
            return ticks;
        }
        for (double power = Math.pow(10, Math.floor(Math.log10(least)));
                power <= greatest;
                power *= 10) {
            for (double digit : DIGITS) {
                if (has(digit * power)) {
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
}
