package io.millrace.optim.estimate;

import java.util.Collections;
import java.util.List;

/**
 * Losses asked for along one direction: {@code L(θ + s·z(seed))} for every scale s. All scales of a
 * query share one generation of z.
 *
 * @param seed the direction's seed
 * @param scales factors on z, such as +ε and −ε; 0 asks for the loss at the place itself
 * @param place what takes the place of θ
 */
public record Query(long seed, List<Float> scales, Place place) {
    /** θ itself. */
    public static final Query AT_THETA = new Query(0, List.of(0f));

    /** Where a query is asked. */
    public enum Place {
        /** At the weights with all updates. */
        THETA,
        /** At the weights as of the last fold. */
        ANCHOR
    }

    /** A query at θ. */
    public Query(long seed, List<Float> scales) {
        this(seed, scales, Place.THETA);
    }

    /** Freezes the scales. */
    public Query {
        scales = List.copyOf(scales);
    }

    /** The same at the weights as of the last fold. */
    public Query atAnchor() {
        return new Query(seed, scales, Place.ANCHOR);
    }

    /** As many answers at the place itself, for what has no part in the direction. */
    public Query still() {
        return new Query(seed, Collections.nCopies(scales.size(), 0f), place);
    }

    /** One answer at the place itself. */
    public Query itself() {
        return new Query(AT_THETA.seed, AT_THETA.scales, place);
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

    /** Whether the place itself is asked for and nothing else. */
    public boolean isItself() {
        return scales.size() == 1 && scales.getFirst() == 0f;
    }
}
