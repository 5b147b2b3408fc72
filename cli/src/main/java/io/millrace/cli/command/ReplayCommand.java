package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Given;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code millrace replay}. */
@Command(
        name = "replay",
        description = "Rebuild a tuned model from its base and the journal of the run.")
public final class ReplayCommand implements Callable<Integer> {
    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "Hugging Face folder of the base model that the run began with.")
    private Path base;

    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            description = "The adapter that the run began with, where it began with one.")
    private Path adapter;

    @Option(
            names = "--journal",
            required = true,
            paramLabel = "FILE",
            description = "The run's journal.jsonl.")
    private Path journal;

    @Option(
            names = "--until",
            paramLabel = "N",
            description =
                    "The model as it was after step N. Default: after the last step of the journal.")
    private Long until;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "Folder for the rebuilt model.")
    private Path out;

    public ReplayCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        Path folder = context.models().folder(base);
        long steps =
                context.engine()
                        .replay(
                                folder,
                                Optional.ofNullable(adapter),
                                journal,
                                Given.optional(until),
                                out)
                        .steps();
        context.print("replayed " + steps + " steps: " + out);
        return ExitCode.DONE;
    }
}
