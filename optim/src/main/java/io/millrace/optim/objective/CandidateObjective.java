package io.millrace.optim.objective;

/** What is made of the losses of all candidates of each example; the mean over examples counts. */
public non-sealed interface CandidateObjective extends Objective {
    /**
     * The value of one example, 0 where nothing could be better.
     *
     * @param losses for each candidate the mean loss over its scored tokens; all are numbers
     * @param label the right one
     */
    double of(double[] losses, int label);
}
