/** What every command is given: the operations behind it, its outputs, exit codes, signals. */
package io.millrace.cli.context;
