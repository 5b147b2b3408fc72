package io.millrace.model.spec;

/**
 * A norm over the last axis.
 *
 * @param kind which statistics it takes out
 * @param weight name of the factor [width]
 * @param bias name of the summand [width], or null
 * @param width elements normed together
 * @param epsilon added to the variance or mean square
 * @param weightOffset added to the factor before use (1 in Gemma, else 0)
 */
public record NormSpec(
        Kind kind, String weight, String bias, int width, float epsilon, float weightOffset) {
    /** The statistics. */
    public enum Kind {
        /** {@code (x − mean) / sqrt(var + ε) · w + b}. */
        LAYER,
        /** {@code x / sqrt(mean(x²) + ε) · w}. */
        RMS
    }
}
