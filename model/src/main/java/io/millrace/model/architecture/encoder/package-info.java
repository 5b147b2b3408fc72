/**
 * Encoders: a token sees all of its text, or what is near it on both sides. What their layers are
 * made of, they share with decoders.
 */
package io.millrace.model.architecture.encoder;
