package io.millrace.executor.run;

import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.spread.Workers;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.memory.OwnedResources;
import io.millrace.model.ModelLayout;
import io.millrace.optim.estimate.Anchors;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalWriter;
import java.util.Optional;

/** What a run has done so far: its journal, the updates that it makes, and its checkpoints. */
public final class RunHistory implements AutoCloseable {
    private final JournalWriter journal;
    private final MetricsWriter metrics;
    private final UpdateLog updates;
    private final RunCheckpoints checkpoints;
    private final long fingerprint;
    private final boolean decaysByFactor;
    private final double lastLossBefore;
    private final Optional<Anchors> anchors;
    private final Workers workers;
    private Optional<StepRecord> anchor;
    private long flatSteps;

    private RunHistory(
            Past past,
            RunFolder folder,
            JournalWriter journal,
            MetricsWriter metrics,
            Workers workers) {
        this.workers = workers;
        this.journal = journal;
        this.metrics = metrics;
        updates = past.updates;
        checkpoints = new RunCheckpoints(folder.folder());
        fingerprint = past.fingerprint;
        anchors = past.anchors;
        anchor =
                past.read.flatMap(before ->
                        before.records().reversed().stream().filter(this::isAnchor).findFirst());
        decaysByFactor =
                past.read.map(read -> JournalHeader.decaysByFactor(read.version())).orElse(false);
        lastLossBefore =
                past.read
                        .map(Journal::records)
                        .filter(records -> !records.isEmpty())
                        .map(records -> records.getLast().loss())
                        .orElse(Double.NaN);
        flatSteps = past.read.map(read -> RunSummary.flat(read.records())).orElse(0L);
    }

    /**
     * What a run has behind it before it goes on: read, and nothing written yet.
     *
     * @param header of its journal
     * @param read the journal so far; empty for a run that begins
     * @param updates of the steps so far
     * @param fingerprint a number that stands for the base and everything that decides the run's
     *     bytes
     * @param anchors steps that its estimator takes apart from others
     */
    record Past(
            JournalHeader header,
            Optional<Journal> read,
            UpdateLog updates,
            long fingerprint,
            Optional<Anchors> anchors) {
        /** The last step done, 0 before the first. */
        long lastStep() {
            return updates.lastStep();
        }
    }

    /**
     * Reads what the folder's journal says, if the run goes on.
     *
     * @param config the run
     * @param folder its output
     * @param layout of its blocks
     * @param header what decides its bytes
     * @throws BadInputException when the journal belongs to a run with other options
     */
    static Past read(TuneConfig config, RunFolder folder, ModelLayout layout, RunHeader header) {
        UpdateLog updates =
                new UpdateLog(
                        config.arithmetic().rule(),
                        config.arithmetic().participation(),
                        layout.parts());
        Optional<Journal> before = Optional.empty();
        if (config.output().resume()) {
            Journal read =
                    config.arithmetic().isReplayable()
                            ? JournalReader.read(folder.journal())
                            : JournalReader.readThrough(
                                    folder.journal(), RunOrigin.savedThrough(config, layout));
            header.requireSame(folder.journal(), read);
            read.records().forEach(updates::add);
            before = Optional.of(read);
        }
        long identity = before.map(Journal::identity).orElseGet(() -> header.header().identity());
        return new Past(
                header.header(),
                before,
                updates,
                identity,
                config.arithmetic().estimator().anchors());
    }

    /**
     * Starts a journal, or goes on with the one that was read.
     *
     * @param workers hear of every step
     */
    static RunHistory begin(Past past, RunFolder folder, Workers workers) {
        JournalWriter journal =
                past.read()
                        .map(read -> JournalWriter.resume(folder.journal(), read))
                        .orElseGet(() -> JournalWriter.create(folder.journal(), past.header()));
        OwnedResources owned = new OwnedResources();
        owned.own(journal);
        try {
            MetricsWriter metrics = owned.own(new MetricsWriter(folder.metrics()));
            metrics.truncateAfter(past.lastStep());
            return new RunHistory(past, folder, journal, metrics, workers);
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    public MetricsWriter metrics() {
        return metrics;
    }

    /** Who takes the steps together. */
    public Workers workers() {
        return workers;
    }

    public UpdateLog updates() {
        return updates;
    }

    RunCheckpoints checkpoints() {
        return checkpoints;
    }

    /** A number that stands for the run: {@link Journal#identity()} of its journal. */
    long fingerprint() {
        return fingerprint;
    }

    /** The loss of the last step before this run goes on; NaN where it begins. */
    public double lastLossBefore() {
        return lastLossBefore;
    }

    /** The newest step that the estimator takes apart from others. */
    Optional<StepRecord> anchor() {
        return anchor;
    }

    private boolean isAnchor(StepRecord record) {
        return anchors.filter(one -> one.isAt(record.step())).isPresent();
    }

    /** Steps so far whose every slope was 0. */
    public long flatSteps() {
        return flatSteps;
    }

    /** Fails where a step is not on the disk yet. */
    void requireDurable(long step) {
        if (journal.durableStep() < step) {
            throw new IllegalStateException(
                    "step " + step + " would reach the store before the journal");
        }
    }

    /** Makes a step count: it is on the disk when this returns. */
    public void add(StepRecord record) {
        journal.append(record);
        journal.force();
        workers.done(record.step(), journal.checksum());
        StepRecord kept = record.decayingByFactor(decaysByFactor);
        updates.add(kept);
        if (isAnchor(kept)) {
            anchor = Optional.of(kept);
        }
        flatSteps += record.isFlat() ? 1 : 0;
    }

    @Override
    public void close() {
        try (journal) {
            metrics.close();
        }
    }
}
