package io.millrace.model.quantize;

/**
 * FP8 of four bits of exponent and three of mantissa, without infinities (OCP 8-bit floating point,
 * E4M3): the greatest is 448. The scale is a float32.
 */
record Float8CodeBook() implements CodeBook {
    static final float GREATEST = 448;

    private static final int SIGN = 0x80;
    private static final float NORMAL = 0x1p-6f; // the least that has all bits of the mantissa
    private static final float STEP = 0x1p-9f; // below it
    private static final int GREATEST_CODE = 0x7E;
    private static final int DROPPED_BITS = 20;
    private static final int EXPONENT_SHIFT = 127 - 7;

    @Override
    public float scale(float greatest) {
        return greatest > 0 ? Math.max(greatest / GREATEST, Float.MIN_NORMAL) : 1;
    }

    @Override
    public int code(float value, float scale) {
        return encode(value / scale);
    }

    @Override
    public float value(int code, float scale) {
        return decode(code) * scale;
    }

    /** The nearest, ties to even; what is too large becomes the greatest. */
    static int encode(float value) {
        int sign = value < 0 ? SIGN : 0;
        float magnitude = Math.abs(value);
        if (magnitude >= GREATEST) {
            return sign | GREATEST_CODE;
        }
        if (magnitude < NORMAL) {
            return sign | (int) Math.rint(magnitude / STEP);
        }
        int bits = Float.floatToRawIntBits(magnitude);
        int odd = (bits >>> DROPPED_BITS) & 1;
        bits += (1 << (DROPPED_BITS - 1)) - 1 + odd;
        return sign | ((bits >>> DROPPED_BITS) - (EXPONENT_SHIFT << 3));
    }

    /** The number that a code stands for; NaN for the two that stand for none. */
    static float decode(int code) {
        int magnitude = code & ~SIGN;
        float value;
        if (magnitude == SIGN - 1) {
            value = Float.NaN;
        } else if (magnitude < 8) {
            value = magnitude * STEP;
        } else {
            int bits = (magnitude + (EXPONENT_SHIFT << 3)) << DROPPED_BITS;
            value = Float.intBitsToFloat(bits);
        }
        return (code & SIGN) == 0 ? value : -value;
    }
}
