/**
 * Architectures: functions from a configuration to a decoder. A new one is a file here and a line
 * in {@link io.millrace.model.architecture.Architectures}.
 */
package io.millrace.model.architecture;
