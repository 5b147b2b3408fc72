package io.millrace.executor.companion;

/** What a model has in it of tokens that a run's seed draws: what trained tensors begin as. */
@FunctionalInterface
public interface DrawnTokens {
    /**
     * All of a tensor, a row for each token.
     *
     * @param tensor name of one that begins so
     */
    float[] rows(String tensor);
}
