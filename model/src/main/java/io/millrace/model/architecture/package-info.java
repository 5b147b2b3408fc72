/**
 * Architectures: functions from a configuration to a program. A new one is a file here and a line
 * in {@link io.millrace.model.architecture.Architectures}.
 *
 * <p>Those here describe their decoder as a {@code DecoderSpec}, of which {@code DecoderProgram}
 * makes the operators; nothing outside knows either.
 */
package io.millrace.model.architecture;
