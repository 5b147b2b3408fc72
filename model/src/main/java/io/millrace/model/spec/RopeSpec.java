package io.millrace.model.spec;

import java.util.List;

/**
 * Rotary position embedding: pair i of the rotated part turns by {@code position ·
 * inverseFrequencies[i]}. A pair is element i of the first half and element i of the second, or two
 * neighbours.
 *
 * @param dims elements of a head that turn (the first ones); even
 * @param inverseFrequencies dims / 2 angles per position, with any rope scaling applied
 * @param attentionFactor factor on cosine and sine, 1 in most models (YaRN's is larger)
 * @param neighbours whether a pair is two neighbours (GPT-J, Cohere, GLM), and not of two halves
 */
public record RopeSpec(
        int dims, List<Float> inverseFrequencies, float attentionFactor, boolean neighbours) {
    /** Freezes the frequencies. */
    public RopeSpec {
        inverseFrequencies = List.copyOf(inverseFrequencies);
    }

    /** Pairs of two halves. */
    public RopeSpec(int dims, List<Float> inverseFrequencies, float attentionFactor) {
        this(dims, inverseFrequencies, attentionFactor, false);
    }

    /** The same angles for pairs of neighbours. */
    public RopeSpec ofNeighbours() {
        return new RopeSpec(dims, inverseFrequencies, attentionFactor, true);
    }
}
