package io.millrace.model.quantize;

/**
 * The sixteen numbers of NF4: quantiles of a normal distribution, the outermost at ± 1 (Dettmers
 * and others, 2023, appendix E). The scale is the group's greatest magnitude, in float32.
 */
record NormalFloatCodes() implements CodeBook {
    private static final float[] MAP = {
        -1.0f,
        -0.6961928f,
        -0.52507305f,
        -0.3949175f,
        -0.28444138f,
        -0.18477343f,
        -0.091050036f,
        0.0f,
        0.0795803f,
        0.1609302f,
        0.2461123f,
        0.33791524f,
        0.44070983f,
        0.562617f,
        0.72295684f,
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
