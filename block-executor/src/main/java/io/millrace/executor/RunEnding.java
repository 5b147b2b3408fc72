package io.millrace.executor;

import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.run.RunHistory;
import io.millrace.executor.run.RunObservers;
import io.millrace.executor.run.RunSetup;
import io.millrace.executor.run.RunSummary;
import io.millrace.memory.OffloadException;
import io.millrace.telemetry.MemoryMetrics;
import io.millrace.telemetry.ProcessMemory;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.report.PageTime;
import io.millrace.telemetry.report.RunPage;
import io.millrace.telemetry.report.RunRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;

/**
 * What a run leaves for people once it is done or interrupted. Its result is safe by then, so that
 * what cannot be written is said and nothing more.
 */
final class RunEnding {
    private static final System.Logger LOG = System.getLogger(RunEnding.class.getName());

    private RunEnding() {}

    /** Writes the model's page, where it is done, the memory's line and {@code run.html}. */
    static void write(TuneConfig config, RunSetup setup, RunSummary run) {
        if (!run.interrupted()) {
            attempt("the model", () -> RunCard.write(config, setup, run));
        }
        attempt("the run", () -> writePage(config.output().out(), setup));
    }

    private static void writePage(Path folder, RunSetup setup) throws IOException {
        RunHistory history = setup.history();
        history.metrics()
                .write(
                        new MemoryMetrics(
                                history.updates().lastStep(),
                                RunObservers.gauges(setup),
                                ProcessMemory.read().peakResidentBytes()));
        RunRecord record = RunRecord.read(folder);
        if (record.steps() > 0) {
            RunPage.write(folder.resolve("run.html"), record, PageTime.now());
        }
    }

    /** What may not be written. */
    private interface Writing {
        void write() throws IOException;
    }

    private static void attempt(String of, Writing writing) {
        try {
            writing.write();
        } catch (IOException | UncheckedIOException | JsonFormatException | OffloadException e) {
            LOG.log(Level.WARNING, "the page of {0} was not written: {1}", of, e.getMessage());
        }
    }
}
