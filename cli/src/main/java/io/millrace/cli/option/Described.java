package io.millrace.cli.option;

import picocli.CommandLine.Model.CommandSpec;

/** A command with options that are made from their descriptions. */
public interface Described {
    /** Adds them to those that the command has of its own. */
    void describe(CommandSpec command);
}
