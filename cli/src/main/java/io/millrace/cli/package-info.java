/**
 * The {@code millrace} command: options in, configuration records out, an answer on standard
 * output, one line for every error.
 *
 * <p>A command is one class. It reads its options, hands a configuration to the {@link
 * io.millrace.cli.context.Operations}, and prints what comes back; {@link
 * io.millrace.cli.context.Failure} alone turns exceptions into exit codes, and {@link
 * io.millrace.cli.context.Interruption} alone listens to signals.
 */
package io.millrace.cli;
