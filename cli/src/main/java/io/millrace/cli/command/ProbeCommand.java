package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.ProbeCache;
import io.millrace.executor.probe.MachineProbe;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineFile;
import io.millrace.prefetch.probe.CardProbe;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace probe}. */
@Command(
        name = "probe",
        description =
                "Measure this machine for plans: drive, memory, copies, computing; and what it misses.")
public final class ProbeCommand implements Callable<Integer> {
    private final CommandContext context;

    @Option(
            names = "--nvme-dir",
            paramLabel = "DIR",
            description = "Folder on the drive that runs will use. Default: the current one.")
    private Path nvmeDir;

    @Mixin private JsonOption json = new JsonOption();

    public ProbeCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        ProbeCache cache = ProbeCache.ofThisMachine();
        Optional<Path> drive = Optional.ofNullable(nvmeDir);
        Machine probed =
                MachineProbe.run(
                        cache.processor(),
                        drive.orElse(Path.of("")).toAbsolutePath(),
                        this::progress);
        CardProbe.Result cards = CardProbe.run(this::progress);
        Machine machine = probed.withMissing(cards.gaps());
        erase();
        cache.keep(machine, drive);
        if (json.wanted()) {
            Map<String, Object> fields = MachineFile.fields(machine);
            fields.put("cards", cards.cards().stream().map(CardProbe.Card::fields).toList());
            context.printJson(fields);
        } else {
            new ProbeReport(context).print(machine, cards.cards(), cache.file(drive));
        }
        return ExitCode.DONE;
    }

    private void progress(String what) {
        if (context.terminal()) {
            context.err().print("\r\033[Kmeasuring " + what + " ...");
            context.err().flush();
        }
    }

    private void erase() {
        if (context.terminal()) {
            context.err().print("\r\033[K");
            context.err().flush();
        }
    }
}
