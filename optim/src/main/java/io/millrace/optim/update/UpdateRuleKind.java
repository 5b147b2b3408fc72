package io.millrace.optim.update;

import java.util.function.DoubleFunction;

/**
 * A kind of update rule by its name. Those of other jars are found as services of this type, in
 * {@code META-INF/services}.
 */
public interface UpdateRuleKind {
    /** The name on the command line and in the journal, such as {@code mezo-sgd}. */
    String name();

    /**
     * One before its first step.
     *
     * @param beta share of the momentum that a step keeps, for rules that have one
     */
    UpdateRule make(double beta);

    /** A kind out of a function. */
    static UpdateRuleKind of(String name, DoubleFunction<UpdateRule> maker) {
        return new UpdateRuleKind() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public UpdateRule make(double beta) {
                return maker.apply(beta);
            }
        };
    }
}
