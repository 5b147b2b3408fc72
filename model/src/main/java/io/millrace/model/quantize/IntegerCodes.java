package io.millrace.model.quantize;

/**
 * Integers around a zero in the middle, as GPTQ's symmetric quantiser has them: {@code scale ·
 * (code − 2^(bits − 1))}, the scale in float16.
 *
 * @param bits of a code
 */
record IntegerCodes(int bits) implements CodeBook {
    private static final float LEAST = 0x1p-24f; // of float16

    /** The code that stands for 0. */
    int zero() {
        return 1 << (bits - 1);
    }

    @Override
    public float scale(float greatest) {
        float exact = 2 * greatest / ((1 << bits) - 1);
        float stored = Float.float16ToFloat(Float.floatToFloat16(exact));
        return Math.max(stored, LEAST);
    }

    @Override
    public int code(float value, float scale) {
        float steps = (float) Math.rint(value / scale) + zero();
        return (int) Math.clamp(steps, 0, (1 << bits) - 1);
    }

    @Override
    public float value(int code, float scale) {
        return scale * (code - zero());
    }
}
