package io.millrace.model.adapter;

/** Loops over columns in double. */
final class Columns {
    private Columns() {}

    /** {@code Σ left · right} over the first elements, in four sums. */
    static double dot(double[] left, double[] right, int count) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i <= count - 4; i += 4) {
            s0 += left[i] * right[i];
            s1 += left[i + 1] * right[i + 1];
            s2 += left[i + 2] * right[i + 2];
            s3 += left[i + 3] * right[i + 3];
        }
        for (; i < count; i++) {
            s0 += left[i] * right[i];
        }
        return (s0 + s1) + (s2 + s3);
    }

    /** {@code to += factor · from} over the first elements. */
    static void add(double[] to, double[] from, double factor, int count) {
        for (int i = 0; i < count; i++) {
            to[i] += factor * from[i];
        }
    }

    /** {@code (left, right) ← (c · left − s · right, s · left + c · right)}. */
    static void rotate(double[] left, double[] right, double c, double s) {
        for (int i = 0; i < left.length; i++) {
            double x = left[i];
            double y = right[i];
            left[i] = c * x - s * y;
            right[i] = s * x + c * y;
        }
    }
}
