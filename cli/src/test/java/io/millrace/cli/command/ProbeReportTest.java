package io.millrace.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.CommandContext;
import io.millrace.prefetch.plan.FormRates;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineCatalog;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What {@code millrace probe} prints for people. */
class ProbeReportTest {
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    private String report(Machine machine) {
        PrintStream out = new PrintStream(printed, false, StandardCharsets.UTF_8);
        CommandContext context =
                new CommandContext(
                        null,
                        new ByteArrayInputStream(new byte[0]),
                        out,
                        out,
                        false,
                        null,
                        null,
                        Path.of("nowhere"));
        new ProbeReport(context).print(machine, List.of(), Path.of("kept.json"));
        return printed.toString(StandardCharsets.UTF_8);
    }

    /** Codes of 4 bits are read and never stored: they have no rate of storing. */
    @Test
    void everyRateIsALine() {
        Machine machine = MachineCatalog.assumed(2, 8L << 30, 8L << 30);
        FormRates forms = machine.device().rates().forms();
        assertThat(forms.widenSeconds()).containsKey(FormRates.CODES);
        assertThat(forms.storeSeconds()).doesNotContainKey(FormRates.CODES);
        assertThat(report(machine).lines())
                .anyMatch(line -> line.startsWith("drive "))
                .anyMatch(line -> line.startsWith("  bfloat16 widened and perturbed "))
                .anyMatch(line -> line.startsWith("  4 bits   made into float32 "))
                .anyMatch(line -> line.startsWith("kept in    kept.json"));
    }
}
