package io.millrace.optim.objective;

/**
 * What is climbed down: a number for every scale of a query, made of the model's answers on a
 * batch. It need not have a gradient; the kinds differ in what a model is asked for.
 */
public sealed interface Objective permits MeanLoss, CandidateObjective, AnswerObjective {
    /** The name on the command line and in the journal, such as {@code loss}. */
    String name();

    /** Whether it is one minus a share of right answers, and no loss. */
    default boolean isShare() {
        return true;
    }
}
