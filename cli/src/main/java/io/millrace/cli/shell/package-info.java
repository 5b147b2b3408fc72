/** What shells are told of the command line, so that they complete it. */
package io.millrace.cli.shell;
