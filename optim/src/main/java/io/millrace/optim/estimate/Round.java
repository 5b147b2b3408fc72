package io.millrace.optim.estimate;

import java.util.List;

/** Losses that are asked for in one pass over the model, and what follows from the answers. */
public interface Round {
    /** What is asked. */
    List<Query> queries();

    /**
     * What the answers say.
     *
     * @param losses one array a query, one value of the objective a scale, by rule the mean loss
     *     over the batch's scored tokens
     */
    Judgement judge(List<double[]> losses);
}
