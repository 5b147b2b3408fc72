package io.millrace.optim.update;

/**
 * What weight decay makes of a tensor of two or more axes: {@code p ← factor · p} before all else,
 * and {@code share · p} as the summand from which the sum of a step begins. One of the two is as if
 * it were not there. A share is added to what a step moves before that is added to p: so it counts
 * in full however small it is beside 1, where a factor {@code 1 − lr wd} is rounded to a float32.
 *
 * @param factor on p; 1 leaves it
 * @param share of p that is added; 0 adds nothing
 */
public record Decay(double factor, double share) {
    /** No decay. */
    public static final Decay NONE = new Decay(1, 0);

    /**
     * Decoupled decay.
     *
     * @param part of p that a step takes away, {@code lr wd}
     */
    public static Decay of(double part) {
        return new Decay(1, 0 - part); // and not -0
    }

    /**
     * Decoupled decay as runs up to journal version 3 have it: a factor in float32.
     *
     * @param part of p that a step takes away, {@code lr wd}
     */
    public static Decay byFactor(double part) {
        return new Decay((float) (1 - part), 0);
    }

    /** This after another, both of tensors as they are stored. */
    public Decay after(Decay earlier) {
        return new Decay(earlier.factor * factor, earlier.share + share * (1 + earlier.share));
    }

    /** Whether p is scaled first. */
    public boolean scales() {
        return scale() != 1f;
    }

    /** The factor. */
    public float scale() {
        return (float) factor;
    }

    /** Whether a sum begins at a share of p. */
    public boolean adds() {
        return added() != 0f;
    }

    /** The share. */
    public float added() {
        return (float) share;
    }

    /** The factor on a product with p. */
    public float ofProduct() {
        return (float) (factor * (1 + share));
    }
}
