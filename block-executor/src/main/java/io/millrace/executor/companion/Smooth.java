package io.millrace.executor.companion;

import io.millrace.model.spec.Activation;

/** Activations in double. */
final class Smooth {
    private static final double ROOT_TWO = Math.sqrt(2);
    private static final double TANH_SCALE = Math.sqrt(2 / Math.PI);
    private static final double CUBIC = 0.044715;
    private static final double SIGMOID_SCALE = 1.702;
    private static final double SERIES_UP_TO = 3;
    private static final int FRACTIONS = 200;
    private static final double FARTHEST = 27; // erfc is below the least double from there

    private Smooth() {}

    static double of(Activation activation, double x) {
        return switch (activation) {
            case RELU -> Math.max(x, 0);
            case GELU_EXACT -> x / 2 * (1 + erf(x / ROOT_TWO));
            case GELU_TANH -> x / 2 * (1 + StrictMath.tanh(TANH_SCALE * (x + CUBIC * x * x * x)));
            case SILU -> x / (1 + StrictMath.exp(-x));
            case TANH -> StrictMath.tanh(x);
            case GELU_SIGMOID -> x / (1 + StrictMath.exp(-SIGMOID_SCALE * x));
        };
    }

    /** Within 1e-14: a series near zero, a continued fraction of erfc beyond. */
    static double erf(double x) {
        double size = Math.abs(x);
        if (size > FARTHEST) {
            return Math.signum(x);
        }
        if (size > SERIES_UP_TO) {
            double fraction = 0;
            for (int k = FRACTIONS; k > 0; k--) {
                fraction = k / 2.0 / (size + fraction);
            }
            double rest = StrictMath.exp(-size * size) / (size + fraction) / Math.sqrt(Math.PI);
            return Math.signum(x) * (1 - rest);
        }
        double term = x;
        double sum = x;
        for (int n = 1; Math.abs(term) > Math.abs(sum) * Math.ulp(1.0) / 2; n++) {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }
        return 2 / Math.sqrt(Math.PI) * sum;
    }
}
