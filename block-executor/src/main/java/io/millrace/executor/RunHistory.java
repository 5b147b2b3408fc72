package io.millrace.executor;

import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.BadInputException;
import io.millrace.optim.Journal;
import io.millrace.optim.JournalReader;
import io.millrace.optim.JournalWriter;
import io.millrace.optim.StepRecord;
import io.millrace.telemetry.MetricsWriter;

/** What a run has done so far: its journal, the updates that it makes, and its checkpoints. */
final class RunHistory implements AutoCloseable {
    private final JournalWriter journal;
    private final MetricsWriter metrics;
    private final UpdateLog updates;
    private final RunCheckpoints checkpoints;
    private final long fingerprint;

    private RunHistory(
            JournalWriter journal,
            MetricsWriter metrics,
            UpdateLog updates,
            RunCheckpoints checkpoints,
            long fingerprint) {
        this.fingerprint = fingerprint;
        this.journal = journal;
        this.metrics = metrics;
        this.updates = updates;
        this.checkpoints = checkpoints;
    }

    /**
     * Starts a journal, or goes on with the one that the folder has.
     *
     * @param config the run
     * @param folder its output
     * @param header what decides its bytes
     * @throws BadInputException when the journal belongs to a run with other options
     */
    static RunHistory open(TuneConfig config, RunFolder folder, RunHeader header) {
        UpdateLog updates = new UpdateLog(config.arithmetic().rule());
        RunCheckpoints checkpoints = new RunCheckpoints(folder.folder());
        JournalWriter journal;
        long identity;
        if (config.output().resume()) {
            Journal read = JournalReader.read(folder.journal());
            header.requireSame(folder.journal(), read);
            read.records().forEach(updates::add);
            identity = read.identity();
            journal = JournalWriter.resume(folder.journal(), read);
        } else {
            identity = header.header().identity();
            journal = JournalWriter.create(folder.journal(), header.header());
        }
        try {
            MetricsWriter metrics = new MetricsWriter(folder.metrics());
            metrics.truncateAfter(updates.lastStep());
            return new RunHistory(journal, metrics, updates, checkpoints, identity);
        } catch (RuntimeException | Error e) {
            journal.close();
            throw e;
        }
    }

    MetricsWriter metrics() {
        return metrics;
    }

    UpdateLog updates() {
        return updates;
    }

    RunCheckpoints checkpoints() {
        return checkpoints;
    }

    /** A number that stands for the run: {@link Journal#identity()} of its journal. */
    long fingerprint() {
        return fingerprint;
    }

    /** Fails where a step is not on the disk yet. */
    void requireDurable(long step) {
        if (journal.durableStep() < step) {
            throw new IllegalStateException(
                    "step " + step + " would reach the store before the journal");
        }
    }

    /** Makes a step count: it is on the disk when this returns. */
    void add(StepRecord record) {
        journal.append(record);
        journal.force();
        updates.add(record);
    }

    @Override
    public void close() {
        try (journal) {
            metrics.close();
        }
    }
}
