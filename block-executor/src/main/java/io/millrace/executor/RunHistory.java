package io.millrace.executor;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Journal;
import io.millrace.optim.JournalHeader;
import io.millrace.optim.JournalReader;
import io.millrace.optim.JournalWriter;
import io.millrace.optim.LrSchedule;
import io.millrace.optim.Schedules;
import io.millrace.optim.StepRecord;
import io.millrace.telemetry.MetricsWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;

/** What a run has done so far: its journal, the updates that it makes, and its checkpoints. */
final class RunHistory implements AutoCloseable {
    private static final String MATMUL = "matmul";

    private final JournalWriter journal;
    private final MetricsWriter metrics;
    private final UpdateLog updates;
    private final RunCheckpoints checkpoints;
    private final long fingerprint;
    private final double lastLossBefore;

    private RunHistory(Past past, RunFolder folder, JournalWriter journal, MetricsWriter metrics) {
        this.journal = journal;
        this.metrics = metrics;
        updates = past.updates;
        checkpoints = new RunCheckpoints(folder.folder());
        fingerprint = past.fingerprint;
        lastLossBefore =
                past.read
                        .map(Journal::records)
                        .filter(records -> !records.isEmpty())
                        .map(records -> FinishedRun.loss(records.getLast()))
                        .orElse(Double.NaN);
    }

    /**
     * What a run has behind it before it goes on: read, and nothing written yet.
     *
     * @param header of its journal
     * @param read the journal so far; empty for a run that begins
     * @param updates of the steps so far
     * @param fingerprint a number that stands for the base and everything that decides the run's
     *     bytes
     */
    record Past(JournalHeader header, Optional<Journal> read, UpdateLog updates, long fingerprint) {
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
     * @param fingerprint of the base weights
     * @throws BadInputException when the journal belongs to a run with other options
     */
    static Past read(TuneConfig config, RunFolder folder, String fingerprint) {
        UpdateLog updates = new UpdateLog(config.arithmetic().rule());
        JournalHeader header = header(config, fingerprint);
        Optional<Journal> before = Optional.empty();
        if (config.output().resume()) {
            Journal read = JournalReader.read(folder.journal());
            requireSame(folder, read, header, config);
            read.records().forEach(updates::add);
            before = Optional.of(read);
        }
        return new Past(header, before, updates, number(header));
    }

    /** Starts a journal, or goes on with the one that was read. */
    static RunHistory begin(Past past, RunFolder folder) {
        JournalWriter journal =
                past.read()
                        .map(read -> JournalWriter.resume(folder.journal(), read))
                        .orElseGet(() -> JournalWriter.create(folder.journal(), past.header()));
        try {
            MetricsWriter metrics = new MetricsWriter(folder.metrics());
            metrics.truncateAfter(past.lastStep());
            return new RunHistory(past, folder, journal, metrics);
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

    /** A number that stands for the base and everything that decides the run's bytes. */
    long fingerprint() {
        return fingerprint;
    }

    /** The loss of the last step before this run goes on; NaN where it begins. */
    double lastLossBefore() {
        return lastLossBefore;
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

    private static JournalHeader header(TuneConfig config, String fingerprint) {
        ArithmeticConfig arithmetic = config.arithmetic();
        Map<String, Object> extra = new LinkedHashMap<>();
        extra.put("batch_size", config.data().batchSize());
        extra.put("shuffle", config.data().shuffle());
        extra.putAll(arithmetic.directionFields());
        if (arithmetic.matmul() != Matmul.NATIVE) {
            extra.put(MATMUL, arithmetic.matmul().id());
        }
        return new JournalHeader(
                arithmetic.seed(),
                fingerprint,
                arithmetic.optimizer(),
                arithmetic.perturbation(),
                arithmetic.queries(),
                arithmetic.foldEvery(),
                arithmetic.rounding(),
                arithmetic.dtype().map(DType::torchName).orElse(JournalHeader.AS_STORED),
                arithmetic.weightDecay(),
                extra);
    }

    private static long number(JournalHeader header) {
        CRC32C crc = new CRC32C();
        crc.update(header.toString().getBytes(StandardCharsets.UTF_8));
        return header.runSeed() ^ (crc.getValue() << Integer.SIZE) ^ header.base().hashCode();
    }

    private static void requireSame(
            RunFolder folder, Journal read, JournalHeader header, TuneConfig config) {
        JournalHeader before = read.header();
        requireSame(folder, "base", before.base(), header.base());
        requireSame(folder, "run_seed", before.runSeed(), header.runSeed());
        requireSame(folder, "optimizer", before.optimizer(), header.optimizer());
        requireSame(folder, "direction", before.direction(), header.direction());
        requireSame(folder, "queries", before.queries(), header.queries());
        requireSame(folder, "fold_every", before.foldEvery(), header.foldEvery());
        requireSame(folder, "rounding", before.rounding(), header.rounding());
        requireSame(folder, "dtype", before.dtype(), header.dtype());
        requireSame(folder, "weight_decay", before.weightDecay(), header.weightDecay());
        requireSame(folder, MATMUL, matmul(before), matmul(header));
        for (Map.Entry<String, Object> field : header.extra().entrySet()) {
            Object then = before.extra().get(field.getKey());
            requireSame(
                    folder, field.getKey(), String.valueOf(then), String.valueOf(field.getValue()));
        }
        requireSameStep(folder, read, config.arithmetic());
        if (read.lastStep() > config.arithmetic().steps()) {
            throw new BadInputException(
                    "--steps",
                    "the journal has " + read.lastStep() + " steps already",
                    "give at least as many");
        }
    }

    /** Journals say only what is out of the ordinary: losses, and so steps, depend on it. */
    private static Object matmul(JournalHeader header) {
        return header.extra().getOrDefault(MATMUL, Matmul.NATIVE.id());
    }

    /** What the journal keeps step by step: the last one has to be as this run would take it. */
    private static void requireSameStep(
            RunFolder folder, Journal read, ArithmeticConfig arithmetic) {
        if (read.records().isEmpty()) {
            return;
        }
        StepRecord last = read.records().getLast();
        LrSchedule schedule =
                Schedules.named(arithmetic.schedule(), arithmetic.lr(), arithmetic.warmup());
        requireSame(folder, "eps", last.eps(), arithmetic.eps());
        requireSame(folder, "lr", last.lr(), schedule.at(last.step(), arithmetic.steps()));
    }

    private static void requireSame(RunFolder folder, String field, Object then, Object now) {
        if (!then.equals(now)) {
            throw new BadInputException(
                    folder.journal().toString(),
                    "field '" + field + "' is " + then + ", and this run has " + now,
                    "resume with the options that the run began with");
        }
    }
}
