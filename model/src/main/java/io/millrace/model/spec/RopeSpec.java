package io.millrace.model.spec;

import java.util.List;

/**
 * Rotary position embedding in the Hugging Face order: element i of the first half of the rotated
 * part turns with element i of the second half, by {@code position · inverseFrequencies[i]}.
 *
 * @param dims elements of a head that turn (the first ones); even
 * @param inverseFrequencies dims / 2 angles per position, with any rope scaling applied
 * @param attentionFactor factor on cosine and sine, 1 in most models (YaRN's is larger)
 */
public record RopeSpec(int dims, List<Float> inverseFrequencies, float attentionFactor) {
    /** Freezes the frequencies. */
    public RopeSpec {
        inverseFrequencies = List.copyOf(inverseFrequencies);
    }
}
