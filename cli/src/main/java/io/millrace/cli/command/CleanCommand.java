package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.executor.run.Cleaning;
import io.millrace.memory.ByteSize;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace clean}. */
@Command(
        name = "clean",
        description =
                "Remove what stopped runs have left on a drive and nobody needs: in a run's folder, or"
                        + " in the folder of --nvme-dir. No step is ever lost by it.")
public final class CleanCommand implements Callable<Integer> {
    private final CommandContext context;

    @Parameters(paramLabel = "DIR", description = "A run's folder, or one of block stores.")
    private Path folder;

    @Option(
            names = "--all",
            description =
                    "Also what only spares time when a run goes on: its block store and checkpoints.")
    private boolean all;

    @Option(names = "--dry-run", description = "Only show what would go.")
    private boolean dryRun;

    @Mixin private JsonOption json = new JsonOption();

    public CleanCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        List<Cleaning.Leftover> found = Cleaning.find(folder, all);
        long bytes = 0;
        for (Cleaning.Leftover one : found) {
            if (!dryRun) {
                Cleaning.remove(one);
            }
            bytes += one.bytes();
            if (!json.wanted()) {
                context.print(
                        String.format(
                                "%s %s (%s): %s",
                                dryRun ? "would remove" : "removed",
                                one.path(),
                                ByteSize.format(one.bytes()),
                                one.why()));
            }
        }
        if (json.wanted()) {
            context.printJson(
                    Map.of(
                            "removed", found.stream().map(CleanCommand::answer).toList(),
                            "bytes", bytes,
                            "dry_run", dryRun));
        } else if (found.isEmpty()) {
            context.print("nothing to remove in " + folder);
        }
        return ExitCode.DONE;
    }

    private static Map<String, Object> answer(Cleaning.Leftover one) {
        return Map.of("path", one.path().toString(), "bytes", one.bytes(), "why", one.why());
    }
}
