package io.millrace.optim.direction;

import io.millrace.optim.mask.ElementMask;

/**
 * A dense direction that reaches some elements only.
 *
 * @param dense makes z
 * @param mask clears it elsewhere
 */
public record MaskedDirection(DenseDirection dense, ElementMask mask) implements Direction {
    @Override
    public String name() {
        return dense.name();
    }
}
