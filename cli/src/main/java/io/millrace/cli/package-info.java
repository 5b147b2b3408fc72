/**
 * The {@code millrace} command: options in, configuration records out, one line for every error.
 */
package io.millrace.cli;
