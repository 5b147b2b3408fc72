package io.millrace.optim.random;

/**
 * The gaussian stream one value at a time, in the operations and the order that every device
 * follows. All of them are IEEE float32, rounded to nearest even.
 */
public final class GaussianScalar {
    private static final int QUARTER = 1 << 30;

    private GaussianScalar() {}

    /** Writes consecutive values, as {@link GaussianStream#fill} does. */
    static void fill(
            int stream,
            long seed,
            int tensorId,
            long firstElement,
            float[] z,
            int offset,
            int count) {
        for (int i = 0; i < count; i++) {
            z[offset + i] = value(stream, seed, tensorId, firstElement + i);
        }
    }

    public static float value(int stream, long seed, int tensorId, long element) {
        long words =
                Philox4x32.pair(seed, element >>> 2, tensorId, stream, (int) (element >>> 1) & 1);
        float radius = radius((int) words);
        int angle = (int) (words >>> 32);
        // sin(a) = cos(a - a quarter turn)
        return radius * cosine((element & 1) == 0 ? angle : angle - QUARTER);
    }

    /** √(−2 ln u) with u = (w + 0.5) / 2³². */
    public static float radius(int word) {
        float signed = (float) word + 0.5f;
        float scaled = signed < 0 ? signed + 0x1p32f : signed; // u · 2³²
        int bits = Float.floatToRawIntBits(scaled) - GaussianConstants.SPLIT;
        int exponent = bits >> 23;
        // Near u = 1 a float cannot hold u, but w − 2³² + 0.5, the signed reading, gives u − 1.
        float f =
                exponent == 0
                        ? signed * 0x1p-32f
                        : Float.intBitsToFloat(
                                        (bits & 0x007FFFFF) + GaussianConstants.SQRT_HALF_BITS)
                                - 1f;
        float sum = GaussianConstants.LOG_7;
        sum = Math.fma(sum, f, GaussianConstants.LOG_6);
        sum = Math.fma(sum, f, GaussianConstants.LOG_5);
        sum = Math.fma(sum, f, GaussianConstants.LOG_4);
        sum = Math.fma(sum, f, GaussianConstants.LOG_3);
        sum = Math.fma(sum, f, GaussianConstants.LOG_2);
        sum = Math.fma(sum, f, GaussianConstants.LOG_1);
        sum = Math.fma(sum, f, GaussianConstants.LOG_0);
        sum = Math.fma(sum, f, 1f);
        sum = Math.fma(sum, f, -2f);
        float y = Math.fma((float) exponent, GaussianConstants.MINUS_TWO_LN_2, sum * f);
        return (float) Math.sqrt(y); // a double root rounded to float is the float root
    }

    /** cos(2π (w + 0.5) / 2³²). */
    public static float cosine(int word) {
        float x = ((float) ((word << 2) >> 2) + 0.5f) * 0x1p-29f; // eighths of a turn
        float square = x * x;
        int turned = word + (1 << 29); // quarter turns in bits 30 and 31
        float value = (turned & QUARTER) == 0 ? cosinePolynomial(square) : x * sine(square);
        return turned + QUARTER < 0 ? -value : value;
    }

    private static float sine(float square) {
        float sum = GaussianConstants.SIN_3;
        sum = Math.fma(sum, square, GaussianConstants.SIN_2);
        sum = Math.fma(sum, square, GaussianConstants.SIN_1);
        return Math.fma(sum, square, GaussianConstants.SIN_0);
    }

    private static float cosinePolynomial(float square) {
        float sum = GaussianConstants.COS_4;
        sum = Math.fma(sum, square, GaussianConstants.COS_3);
        sum = Math.fma(sum, square, GaussianConstants.COS_2);
        sum = Math.fma(sum, square, GaussianConstants.COS_1);
        return Math.fma(sum, square, 1f);
    }
}
