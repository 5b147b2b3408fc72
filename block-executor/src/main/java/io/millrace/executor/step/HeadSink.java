package io.millrace.executor.step;

import io.millrace.model.spec.LinearSpec;
import java.util.List;

/** Where a forward's answers go, and what it meets on its way there. */
public interface HeadSink {
    /** The id of a row without a largest logit that is a finite number. */
    int NO_CHOICE = -1;

    /**
     * Hears what is about to be multiplied with matrices of a block, on a CPU: each micro-batch's
     * rows, those of a block before those of the next. Nothing by default.
     *
     * @param matrices what it is multiplied with, all as wide
     * @param x the rows, of each scale; valid during the call
     * @param rows how many
     */
    default void entering(List<LinearSpec> matrices, Variants x, int rows) {}

    /** Whether the sink wants whole rows of logits; else it gets losses or choices. */
    boolean wantsLogits();

    /** Whether the sink wants the likeliest id of each row, of queries of one scale. */
    default boolean wantsChoices() {
        return false;
    }

    /** Whether of losses the sum over a micro-batch's rows is enough, added in order of row. */
    default boolean wantsSums() {
        return false;
    }

    /**
     * Where a micro-batch's logits go: [head rows, vocabulary], for every scale of a query.
     *
     * @param query index of the query
     * @param microBatch index of the micro-batch
     */
    Variants logits(int query, int microBatch);

    /**
     * A micro-batch's losses.
     *
     * @param query index of the query
     * @param scale index of the scale
     * @param microBatch index of the micro-batch
     * @param losses cross-entropy of each head row, in order; valid during the call
     * @param count how many
     */
    void losses(int query, int scale, int microBatch, double[] losses, int count);

    /**
     * The likeliest ids of a micro-batch's head rows, of equals the first: all of them in order, in
     * one call or several.
     *
     * @param query index of the query
     * @param scale index of the scale
     * @param microBatch index of the micro-batch
     * @param ids of each row, or {@link #NO_CHOICE}; valid during the call
     * @param count how many
     */
    default void choices(int query, int scale, int microBatch, int[] ids, int count) {
        throw new IllegalStateException("this sink takes no choices");
    }

    /**
     * What {@link #losses} would add up to.
     *
     * @param query index of the query
     * @param scale index of the scale
     * @param microBatch index of the micro-batch
     * @param sum of the losses of its head rows, added in order
     * @param count how many they are
     */
    default void sum(int query, int scale, int microBatch, double sum, int count) {
        throw new IllegalStateException("this sink takes losses row by row");
    }
}
