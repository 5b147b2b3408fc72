package io.millrace.optim.gradient.rule;

/** Sums of squares in double, by an order of the elements that the count alone decides. */
final class SquareSums {
    private static final int LANES = 128; // sums that do not wait for each other

    private SquareSums() {}

    /** The sum of {@code x[i]²} over {@code count} elements from {@code at} on. */
    static double of(float[] x, int at, int count) {
        double[] lanes = new double[LANES];
        for (int done = 0; done < count; done += LANES) {
            add(x, at + done, lanes, Math.min(LANES, count - done));
        }
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
