/** Groups of options that commands share, each turned into a configuration record. */
package io.millrace.cli.option;
