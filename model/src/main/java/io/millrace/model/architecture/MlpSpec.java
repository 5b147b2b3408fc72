package io.millrace.model.architecture;

import io.millrace.model.spec.Activation;
import io.millrace.model.spec.LinearSpec;

/**
 * The feed-forward part: {@code down(act(up(x)))}, or {@code down(act(gate(x)) ⊙ up(x))} with a
 * gate.
 *
 * @param gate the gating matrix, or null
 * @param up from the hidden size to the inner width
 * @param down back to the hidden size
 * @param activation the element-wise function
 */
record MlpSpec(LinearSpec gate, LinearSpec up, LinearSpec down, Activation activation) {}
