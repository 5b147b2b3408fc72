package io.millrace.optim.estimate;

import java.util.Collections;
import java.util.List;

/**
 * Losses asked for along one direction: {@code L(θ + s·z(seed))} for every scale s. All scales of a
 * query share one generation of z.
 *
 * @param seed the direction's seed
 * @param scales factors on z, such as +ε and −ε; 0 asks for the loss at θ itself
 */
public record Query(long seed, List<Float> scales) {
    /** θ itself. */
    public static final Query AT_THETA = new Query(0, List.of(0f));

    /** Freezes the scales. */
    public Query {
        scales = List.copyOf(scales);
    }

    /** As many answers at θ itself, for what has no part in the direction. */
    public Query still() {
        return new Query(seed, Collections.nCopies(scales.size(), 0f));
    }

    /** Whether all scales are 0. */
    public boolean isStill() {
        for (int i = 0; i < scales.size(); i++) {
            if (scales.get(i) != 0f) {
                return false;
            }
        }
        return true;
    }

    /** Whether θ itself is asked for and nothing else. */
    public boolean isAtTheta() {
        return scales.size() == 1 && scales.getFirst() == 0f;
    }
}
