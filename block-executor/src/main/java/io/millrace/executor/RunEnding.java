package io.millrace.executor;

import io.millrace.executor.run.RunHistory;
import io.millrace.telemetry.MemoryGauge;
import io.millrace.telemetry.MemoryMetrics;
import io.millrace.telemetry.ProcessMemory;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.report.RunPage;
import io.millrace.telemetry.report.RunRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;

/**
 * What a run leaves for people once it is done or interrupted. Its result is safe by then, so that
 * what cannot be written is said and nothing more.
 */
final class RunEnding {
    private static final System.Logger LOG = System.getLogger(RunEnding.class.getName());
    private static final DateTimeFormatter IN_WORDS =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm");

    private RunEnding() {}

    /** Writes the memory's line and {@code run.html}. */
    static void write(Path folder, RunHistory history, List<MemoryGauge> gauges) {
        try {
            history.metrics()
                    .write(
                            new MemoryMetrics(
                                    history.updates().lastStep(),
                                    gauges,
                                    ProcessMemory.read().peakResidentBytes()));
            RunRecord record = RunRecord.read(folder);
            if (record.steps() > 0) {
                String now = IN_WORDS.format(LocalDateTime.now(ZoneId.systemDefault()));
                RunPage.write(folder.resolve("run.html"), record, now);
            }
        } catch (IOException | UncheckedIOException | JsonFormatException e) {
            LOG.log(Level.WARNING, "the page of the run was not written: {0}", e.getMessage());
        }
    }
}
