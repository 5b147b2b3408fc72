/**
 * A decoder-only transformer as data: which tensors there are, and which arithmetic joins them.
 *
 * <p>An architecture is a function from a configuration to a {@link
 * io.millrace.model.spec.DecoderSpec}; an executor knows the parts and no architecture.
 */
package io.millrace.model.spec;
