package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.shell.Shell;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code millrace completion}. */
@Command(
        name = "completion",
        customSynopsis = "millrace completion (bash | zsh | fish)",
        description = {
            "Print what makes a shell complete this command's words:",
            "  bash and zsh:  source <(millrace completion bash)",
            "  fish:          millrace completion fish | source"
        })
public final class CompletionCommand implements Callable<Integer> {
    private final CommandContext context;

    @Parameters(paramLabel = "SHELL", description = "bash, zsh or fish.")
    private Shell shell;

    @Spec private CommandSpec spec;

    public CompletionCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        context.print(shell.script(spec.root().commandLine()).stripTrailing());
        return ExitCode.DONE;
    }
}
