package io.millrace.model.quantize;

/**
 * The sixteen numbers of NF4: quantiles of a normal distribution, the outermost at ± 1 (Dettmers
 * and others, 2023, appendix E). The scale is the group's greatest magnitude, in float32.
 */
record NormalFloatCodes() implements CodeBook {
    private static final float[] MAP = {
        -1.0f,
        -0.6961928009986877f,
        -0.5250730514526367f,
        -0.39491748809814453f,
        -0.28444138169288635f,
        -0.18477343022823334f,
        -0.09105003625154495f,
        0.0f,
        0.07958029955625534f,
        0.16093020141124725f,
        0.24611230194568634f,
        0.33791524171829224f,
        0.44070982933044434f,
        0.5626170039176941f,
        0.7229568362236023f,
        1.0f
    };

    /** The numbers, by code. */
    static float[] map() {
        return MAP.clone();
    }

    @Override
    public float scale(float greatest) {
        return greatest > 0 ? greatest : 1;
    }

    @Override
    public int code(float value, float scale) {
        float share = value / scale;
        int code = 0;
        while (code < MAP.length - 1 && share > (MAP[code] + MAP[code + 1]) / 2) {
            code++;
        }
        return code;
    }

    @Override
    public float value(int code, float scale) {
        return MAP[code] * scale;
    }
}
