/**
 * Decoders whose layers have an attention part and a feed-forward part: described as a {@code
 * DecoderSpec}, of which {@code DecoderProgram} makes the operators.
 */
package io.millrace.model.architecture.decoder;
