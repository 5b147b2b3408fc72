package io.millrace.executor.step;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.memory.Matmul;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.update.UpdateRule;

/**
 * What a run does to its parameters, whatever computes it, and what its products compute on.
 *
 * @param direction the directions
 * @param momentum whether the update rule has momentum
 * @param programs whether its updates are programs over elements
 * @param rounding how folded parameters are rounded
 * @param foldEvery steps from one rounding into the stored weights to the next
 * @param matmul what products compute on
 */
public record Arithmetic(
        Direction direction,
        boolean momentum,
        boolean programs,
        Rounding rounding,
        int foldEvery,
        Matmul matmul) {
    /** Of forwards that tune nothing. */
    public static final Arithmetic PLAIN =
            new Arithmetic(
                    new GaussianDirection(), false, false, Rounding.NEAREST, 1, Matmul.NATIVE);

    /** Of a run, or of a plan for one. */
    public static Arithmetic of(ArithmeticConfig config) {
        UpdateRule rule = config.rule();
        return new Arithmetic(
                config.direction(),
                rule.hasMomentum(),
                rule.isElementwise(),
                config.rounding(),
                config.foldEvery(),
                config.matmul());
    }
}
