package io.millrace.optim.gradient.rule;

/** Sums of products in double, by an order of the elements that the count alone decides. */
final class SquareSums {
    private static final int LANES = 128; // sums that do not wait for each other

    private SquareSums() {}

    /** The sum of {@code x[i]²} over {@code count} elements from {@code at} on. */
    static double of(float[] x, int at, int count) {
        double[] lanes = new double[LANES];
        for (int done = 0; done < count; done += LANES) {
            add(x, at + done, lanes, Math.min(LANES, count - done));
        }
        return sum(lanes);
    }

    /** The sum of {@code x[i] y[i]} over the first elements, in the order of {@link #of}. */
    static double product(float[] x, float[] y, int count) {
        double[] lanes = new double[LANES];
        for (int done = 0; done < count; done += LANES) {
            int end = Math.min(LANES, count - done);
            for (int i = 0; i < end; i++) {
                lanes[i] += (double) x[done + i] * y[done + i];
            }
        }
        return sum(lanes);
    }

    private static double sum(double[] lanes) {
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                lanes[i] += lanes[i + half];
            }
        }
        return lanes[0];
    }

    /** Adds each square to a sum of its own. */
    static void add(float[] x, int at, double[] sums, int count) {
        for (int i = 0; i < count; i++) {
            double value = x[at + i];
            sums[i] += value * value;
        }
    }
}
