package io.millrace.cli.shell;

import java.util.function.Function;
import picocli.CommandLine;

/** A shell that completes command lines. */
public enum Shell {
    /** Bash. */
    BASH(BashCompletion::of),
    /** Zsh, which understands bash's script. */
    ZSH(BashCompletion::of),
    /** Fish. */
    FISH(FishCompletion::of);

    private final Function<CommandLine, String> script;

    Shell(Function<CommandLine, String> script) {
        this.script = script;
    }

    /** What the shell is to read. */
    public String script(CommandLine top) {
        return script.apply(top);
    }
}
