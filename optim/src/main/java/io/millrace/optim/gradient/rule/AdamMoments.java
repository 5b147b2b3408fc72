package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.TensorTurn;

/**
 * The numbers of one step of Adam, each worked out in double and rounded to float32 once.
 *
 * @param keep1 β₁
 * @param add1 1 − β₁
 * @param keep2 β₂
 * @param add2 1 − β₂
 * @param root 1 / √(1 − β₂ᵗ), factor on √v
 * @param eps ε
 * @param rate lr / (1 − β₁ᵗ), factor on m over the root
 */
record AdamMoments(
        float keep1, float add1, float keep2, float add2, float root, float eps, float rate) {
    /** Of a rule at a turn. */
    static AdamMoments of(AdamW rule, TensorTurn turn) {
        double weight1 = 1 - StrictMath.pow(rule.beta1(), (double) turn.turn());
        double weight2 = 1 - StrictMath.pow(rule.beta2(), (double) turn.turn());
        return new AdamMoments(
                (float) rule.beta1(),
                (float) (1 - rule.beta1()),
                (float) rule.beta2(),
                (float) (1 - rule.beta2()),
                (float) (1 / Math.sqrt(weight2)),
                (float) rule.eps(),
                (float) (turn.lr() / weight1));
    }

    /** The same with ε beside √v, before that is corrected: the whole correction is the rate's. */
    static AdamMoments uncorrected(AdamW rule, TensorTurn turn) {
        AdamMoments numbers = of(rule, turn);
        double weight1 = 1 - StrictMath.pow(rule.beta1(), (double) turn.turn());
        double weight2 = 1 - StrictMath.pow(rule.beta2(), (double) turn.turn());
        return new AdamMoments(
                numbers.keep1,
                numbers.add1,
                numbers.keep2,
                numbers.add2,
                1,
                numbers.eps,
                (float) (turn.lr() * Math.sqrt(weight2) / weight1));
    }
}
