package io.millrace.model.spec;

import java.util.List;
import java.util.Optional;

/**
 * Rotary position embedding: pair i of the rotated part turns by {@code position ·
 * inverseFrequencies[i]}. A pair is element i of the first half and element i of the second, or two
 * neighbours.
 *
 * @param dims elements of a head that turn (the first ones); even
 * @param inverseFrequencies dims / 2 angles per position, with any rope scaling applied
 * @param attentionFactor factor on cosine and sine, 1 in most models (YaRN's is larger)
 * @param neighbours whether a pair is two neighbours (GPT-J, Cohere, GLM), and not of two halves
 * @param beyond what sequences of more than a first length have (LongRoPE); empty in most models
 */
public record RopeSpec(
        int dims,
        List<Float> inverseFrequencies,
        float attentionFactor,
        boolean neighbours,
        Optional<Beyond> beyond) {
    /**
     * Other angles for all tokens of a long sequence.
     *
     * @param length tokens of the longest that has the usual ones
     * @param inverseFrequencies dims / 2 angles per position
     */
    public record Beyond(int length, List<Float> inverseFrequencies) {
        /** Freezes the frequencies. */
        public Beyond {
            inverseFrequencies = List.copyOf(inverseFrequencies);
        }
    }

    /** Freezes the frequencies. */
    public RopeSpec {
        inverseFrequencies = List.copyOf(inverseFrequencies);
    }

    /** Pairs of two halves. */
    public RopeSpec(int dims, List<Float> inverseFrequencies, float attentionFactor) {
        this(dims, inverseFrequencies, attentionFactor, false, Optional.empty());
    }

    /** The same angles for pairs of neighbours. */
    public RopeSpec ofNeighbours() {
        return new RopeSpec(dims, inverseFrequencies, attentionFactor, true, beyond);
    }

    /** The same with other angles for long sequences. */
    public RopeSpec withBeyond(Beyond longer) {
        return new RopeSpec(
                dims, inverseFrequencies, attentionFactor, neighbours, Optional.of(longer));
    }

    /** What a sequence of so many tokens turns by: angles that have nothing beyond them. */
    public RopeSpec ofLength(int tokens) {
        List<Float> angles =
                beyond.filter(longer -> tokens > longer.length)
                        .map(Beyond::inverseFrequencies)
                        .orElse(inverseFrequencies);
        return new RopeSpec(dims, angles, attentionFactor, neighbours, Optional.empty());
    }
}
