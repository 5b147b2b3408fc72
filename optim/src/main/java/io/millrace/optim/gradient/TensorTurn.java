package io.millrace.optim.gradient;

import java.util.List;

/**
 * One tensor in one step that it has a part in.
 *
 * @param step from 1
 * @param turn how often the tensor has had a part since its states began, this step included: from
 *     1; what Adam corrects its moments by
 * @param lr learning rate of the step
 * @param weightDecay decay of the step; 0 for vectors, which no rule decays
 * @param shape row-major extents, at least one axis
 * @param seed a number of this step and tensor alone, for what is drawn
 */
public record TensorTurn(
        long step, long turn, double lr, double weightDecay, List<Long> shape, long seed) {
    /** Freezes the shape. */
    public TensorTurn {
        shape = List.copyOf(shape);
        if (shape.isEmpty() || turn < 1) {
            throw new IllegalArgumentException("turn " + turn + " of " + shape);
        }
    }

    /** Whether it has one axis. */
    public boolean isVector() {
        return shape.size() < 2;
    }

    /**
     * Share of θ that decoupled decay adds, {@code −lr wd}: beside what a step moves, before that
     * is added to θ, so that it counts in full however small it is beside 1; as {@link
     * io.millrace.optim.update.Decay} has it.
     */
    public float decayShare() {
        return (float) (0 - lr * weightDecay); // and not -0
    }

    /** Rows of the tensor as a matrix: the first axis, or 1 of a vector. */
    public long rows() {
        return isVector() ? 1 : shape.getFirst();
    }

    /** Elements of one of them: all axes but the first together. */
    public long columns() {
        return shape.stream().skip(isVector() ? 0 : 1).reduce(1L, Math::multiplyExact);
    }
}
