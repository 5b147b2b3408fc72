package io.millrace.model.adapter.peft;

/** What an adapter makes of a tensor of its base. For use by one thread. */
@FunctionalInterface
public interface WeightChange {
    /**
     * Changes elements.
     *
     * @param values the elements, each rounded once to float32
     * @param first the first one's index in the tensor, row by row
     * @param count how many
     */
    void apply(float[] values, long first, int count);
}
