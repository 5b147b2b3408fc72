package io.millrace.model.spec;

/** Element-wise functions of the feed-forward part. */
public enum Activation {
    /** {@code max(x, 0)}. */
    RELU,
    /** {@code x/2 · (1 + erf(x/√2))}. */
    GELU_EXACT,
    /** {@code x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))}. */
    GELU_TANH,
    /** {@code x · σ(x)}. */
    SILU,
    /** The hyperbolic tangent. */
    TANH,
    /** {@code x · σ(1.702 x)}. */
    GELU_SIGMOID
}
