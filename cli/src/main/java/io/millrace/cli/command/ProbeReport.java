package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.memory.ByteSize;
import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.FormRates;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.ThinRates;
import io.millrace.prefetch.probe.CardProbe;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** What a probe found, for people. */
final class ProbeReport {
    private final CommandContext context;

    ProbeReport(CommandContext context) {
        this.context = context;
    }

    /**
     * Prints it.
     *
     * @param machine what was measured
     * @param cards those that were opened
     * @param kept the file that plans read it from
     */
    void print(Machine machine, List<CardProbe.Card> cards, Path kept) {
        line("machine", machine.name());
        print(machine.drive());
        print(machine.host());
        print(machine.device());
        cards.forEach(this::print);
        print(machine.device().rates());
        context.print("");
        if (machine.missing().isEmpty()) {
            line("missing", "nothing");
        }
        machine.missing().forEach(gap -> line("missing", gap));
        line("kept in", kept.toString());
    }

    private void print(Machine.Drive drive) {
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
    }

    private void print(Machine.Host host) {
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
    }

    private void print(Machine.Accelerator device) {
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
    }

    private void print(ComputeRates rates) {
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
        print(rates.forms());
        rates.forms().thin().ifPresent(this::print);
        line("dispatch", format("%.1f µs", rates.dispatchSeconds() * 1e6));
    }

    private void print(FormRates forms) {
        line(
                "z",
                perSecond("gaussian", forms.zSeconds().get("gaussian"))
                        + ", "
                        + perSecond("rademacher", forms.zSeconds().get("rademacher")));
        forms.storeSeconds()
                .forEach((dtype, seconds) ->
                        line(
                                "  " + dtype.torchName(),
                                perSecond("widened and perturbed", forms.widenSeconds().get(dtype))
                                        + ", "
                                        + perSecond("rounded and stored", seconds)));
        codes("float32", forms.widenSeconds().get(FormRates.CODES));
        codes("bfloat16", forms.widenSeconds().get(FormRates.ROUNDED_CODES));
    }

    private void codes(String type, Double seconds) {
        if (seconds != null) {
            line("  4 bits", perSecond("made into " + type, seconds));
        }
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
