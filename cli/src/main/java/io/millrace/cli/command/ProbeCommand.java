package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.ProbeCache;
import io.millrace.executor.probe.MachineProbe;
import io.millrace.memory.ByteSize;
import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineFile;
import io.millrace.prefetch.plan.ThinRates;
import io.millrace.prefetch.probe.CardProbe;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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
            print(machine, cards.cards(), cache.file(drive));
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

    private void print(Machine machine, List<CardProbe.Card> cards, Path kept) {
        Machine.Drive drive = machine.drive();
        Machine.Host host = machine.host();
        Machine.Accelerator device = machine.device();
        ComputeRates rates = device.rates();
        line("machine", machine.name());
        line("drive", drive.path() + ", " + ByteSize.format(drive.freeBytes()) + " free");
        line(
                "  read",
                rate(drive.readBytesPerSecond())
                        + ", "
                        + rate(drive.readWhileWriting())
                        + " while writing");
        line(
                "  write",
                rate(drive.writeBytesPerSecond())
                        + ", "
                        + rate(drive.writeWhileReading())
                        + " while reading");
        line("  sync", format("%.2g ms for a line of a journal", drive.syncSeconds() * 1e3));
        line(
                "host",
                format(
                        "%d cores, %s, %s available",
                        host.cores(),
                        ByteSize.format(host.memoryBytes()),
                        ByteSize.format(host.availableBytes())));
        line("  copy", rate(host.copyBytesPerSecond()));
        line(
                "  pinning",
                (host.pinLimitBytes() < 0
                                ? "no limit"
                                : "up to " + ByteSize.format(host.pinLimitBytes()))
                        + ", "
                        + rate(host.pinBytesPerSecond()));
        line(
                "emulated",
                "h2d "
                        + rate(device.h2dBytesPerSecond())
                        + ", d2h "
                        + rate(device.d2hBytesPerSecond())
                        + "; both at once "
                        + rate(device.h2dWhileD2h())
                        + " and "
                        + rate(device.d2hWhileH2d()));
        cards.forEach(this::print);
        line("matmul", "float32, in GFLOP/s, by rows (down) and inputs (across)");
        table(rates);
        rates.rounding()
                .ifPresent(rounded ->
                        line(
                                "  bfloat16",
                                format(
                                        "up to %.0f GFLOP/s with '--matmul bf16', against %.0f",
                                        rounded.bestMatmulRate() / 1e9,
                                        rates.bestMatmulRate() / 1e9)));
        line(
                "z",
                perSecond("gaussian", rates.forms().zSeconds().get("gaussian"))
                        + ", "
                        + perSecond("rademacher", rates.forms().zSeconds().get("rademacher")));
        rates.forms()
                .widenSeconds()
                .forEach((dtype, seconds) ->
                        line(
                                "  " + dtype.torchName(),
                                perSecond("widened and perturbed", seconds)
                                        + ", "
                                        + perSecond(
                                                "rounded and stored",
                                                rates.forms().storeSeconds().get(dtype))));
        rates.forms().thin().ifPresent(this::print);
        line("dispatch", format("%.1f µs", rates.dispatchSeconds() * 1e6));
        context.print("");
        if (machine.missing().isEmpty()) {
            line("missing", "nothing");
        }
        machine.missing().forEach(gap -> line("missing", gap));
        line("kept in", kept.toString());
    }

    private void print(ThinRates thin) {
        line(
                "low-rank",
                perSecond("factors", thin.factorSeconds())
                        + ", "
                        + perSecond("inputs projected", thin.projectSeconds())
                        + ", "
                        + perSecond("outputs added to", thin.addSeconds()));
        thin.readSeconds()
                .forEach((dtype, seconds) ->
                        line("  " + dtype.torchName(), perSecond("read and widened", seconds)));
        line(
                "  in place",
                thin.directSeconds() == 0
                        ? "weights read at no cost"
                        : "weights read with " + rate(1 / thin.directSeconds()));
    }

    private void print(CardProbe.Card card) {
        line(card.device().toString(), card.facts().describe());
        line(
                "  copies",
                "h2d "
                        + rate(card.h2dBytesPerSecond())
                        + ", d2h "
                        + rate(card.d2hBytesPerSecond())
                        + (card.pinned() ? "" : ", from memory that is not pinned"));
    }

    private void table(ComputeRates rates) {
        StringBuilder head = new StringBuilder("          ");
        rates.matmuls().stream()
                .map(ComputeRates.MatmulRate::inputs)
                .distinct()
                .forEach(inputs -> head.append(format("%9d", inputs)));
        context.print(head.toString());
        rates.matmuls().stream()
                .map(ComputeRates.MatmulRate::rows)
                .distinct()
                .forEach(rows -> {
                    StringBuilder row = new StringBuilder(format("%10d", rows));
                    rates.matmuls().stream()
                            .filter(one -> one.rows() == rows)
                            .forEach(
                                    one -> row.append(format("%9.0f", one.flopsPerSecond() / 1e9)));
                    context.print(row.toString());
                });
    }

    private void line(String name, String value) {
        context.print(format("%-10s %s", name, value));
    }

    private static String rate(double bytesPerSecond) {
        return format("%.2f GB/s", bytesPerSecond / 1e9);
    }

    private static String perSecond(String what, double seconds) {
        return seconds == 0 ? what + " free" : format("%s %.2f G/s", what, 1e-9 / seconds);
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
