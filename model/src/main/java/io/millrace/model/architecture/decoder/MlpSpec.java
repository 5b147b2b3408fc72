package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.Activation;
import io.millrace.model.spec.LinearSpec;

/**
 * The feed-forward part: {@code down(act(up(x)))}, or {@code down(act(gate(x)) ⊙ up(x))} with a
 * gate. A gate may be the first half of what {@code up} gives, which is twice the inner width then.
 *
 * @param gate the gating matrix, or null
 * @param up from the hidden size to the inner width
 * @param down back to the hidden size
 * @param activation the element-wise function
 */
public record MlpSpec(LinearSpec gate, LinearSpec up, LinearSpec down, Activation activation)
        implements FeedForward {
    /** Whether {@code up} gives the gate too. */
    boolean isHalved() {
        return gate == null && up.outputs() == 2 * down.inputs();
    }
}
