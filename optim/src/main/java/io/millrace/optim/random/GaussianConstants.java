package io.millrace.optim.random;

/**
 * The numbers of the gaussian stream. They are part of the arithmetic contract: a kernel for
 * another device takes them from here, digit by digit.
 */
final class GaussianConstants {
    /** Bits of √½ as float32: mantissas are split at √½ and √2. */
    static final int SQRT_HALF_BITS = 0x3F3504F3;

    /** Bits of √½ · 2³²; the difference to it has the exponent of u above bit 23. */
    static final int SPLIT = SQRT_HALF_BITS + (32 << 23);

    static final float MINUS_TWO_LN_2 = -0x1.62e43p0f;

    // -2 ln(1 + f) = f (-2 + f (1 + f (LOG_0 + LOG_1 f + ... + LOG_7 f^7))), |f| ≤ √2 - 1: the
    // minimax polynomial's relative error is 6e-9.
    static final float LOG_0 = -0x1.555554p-1f;
    static final float LOG_1 = 0x1.000226p-1f;
    static final float LOG_2 = -0x1.99a008p-2f;
    static final float LOG_3 = 0x1.547244p-2f;
    static final float LOG_4 = -0x1.22da1cp-2f;
    static final float LOG_5 = 0x1.0d854p-2f;
    static final float LOG_6 = -0x1.055b6cp-2f;
    static final float LOG_7 = 0x1.38b59p-3f;

    // sin(π/4 x) = x (SIN_0 + SIN_1 x² + ...), |x| ≤ 1, relative error 3e-9.
    static final float SIN_0 = 0x1.921fb6p-1f;
    static final float SIN_1 = -0x1.4abbbap-4f;
    static final float SIN_2 = 0x1.465e92p-9f;
    static final float SIN_3 = -0x1.2d9302p-15f;

    // cos(π/4 x) = 1 + COS_1 x² + ..., |x| ≤ 1, error 6e-11.
    static final float COS_1 = -0x1.3bd3ccp-2f;
    static final float COS_2 = 0x1.03c1dep-6f;
    static final float COS_3 = -0x1.55c664p-12f;
    static final float COS_4 = 0x1.d9f7bcp-19f;

    private GaussianConstants() {}
}
