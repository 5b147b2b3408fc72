package io.millrace.executor.cuda.kernel;

/** 8-bit floats with 4 bits of exponent and 3 of mantissa, by their definition. */
public final class E4m3 {
    static final double LARGEST = 448;
    static final int NAN = 0x7F;

    private E4m3() {}

    /** What a code means. */
    public static double value(int code) {
        int exponent = code >> 3 & 0xF;
        int mantissa = code & 7;
        if (exponent == 15 && mantissa == 7) {
            return Double.NaN;
        }
        double size =
                exponent == 0
                        ? Math.scalb(mantissa / 8.0, -6)
                        : Math.scalb(1 + mantissa / 8.0, exponent - 7);
        return (code & 0x80) == 0 ? size : -size;
    }

    /** The nearest code, by looking at each; of two as near, the even one. */
    public static int nearest(double value) {
        int sign = Double.doubleToRawLongBits(value) < 0 ? 0x80 : 0;
        if (!Double.isFinite(value)) {
            return sign | NAN;
        }
        int best = 0;
        for (int code = 1; code < NAN; code++) {
            double better = Math.abs(Math.abs(value) - value(best)) - distance(value, code);
            if (better > 0 || (better == 0 && code % 2 == 0)) {
                best = code;
            }
        }
        return sign | best;
    }

    private static double distance(double value, int code) {
        return Math.abs(Math.abs(value) - value(code));
    }

    /** The smallest power of two by which a size divided is no more than the largest code. */
    static float scale(double largest) {
        double scale = Math.scalb(1.0, Float.MIN_EXPONENT);
        while (largest / scale > LARGEST) {
            scale *= 2;
        }
        return (float) scale;
    }

    /** The largest finite size. */
    static double largest(float... values) {
        double largest = 0;
        for (float value : values) {
            if (Float.isFinite(value)) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        return largest;
    }
}
