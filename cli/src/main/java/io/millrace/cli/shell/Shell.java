package io.millrace.cli.shell;

import picocli.CommandLine;

/** A shell that completes command lines. */
public enum Shell {
    /** Bash. */
    BASH,
    /** Zsh, which understands bash's script. */
    ZSH,
    /** Fish. */
    FISH;

    /** What the shell is to read. */
    public String script(CommandLine top) {
        return switch (this) {
            case BASH, ZSH -> BashCompletion.of(top);
            case FISH -> FishCompletion.of(top);
        };
    }
}
