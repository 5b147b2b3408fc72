package io.millrace.optim.estimate;

import java.util.List;

/**
 * Losses asked for along one direction: {@code L(θ + s·z(seed))} for every scale s. All scales of a
 * probe share one generation of z.
 *
 * @param seed the direction's seed
 * @param scales factors on z, such as +ε and −ε; 0 asks for the loss at θ itself
 */
public record Probe(long seed, List<Float> scales) {
    /** θ itself. */
    public static final Probe AT_THETA = new Probe(0, List.of(0f));

    /** Freezes the scales. */
    public Probe {
        scales = List.copyOf(scales);
    }

    /** Whether θ itself is asked for and nothing else. */
    public boolean isAtTheta() {
        return scales.size() == 1 && scales.getFirst() == 0f;
    }
}
