package io.millrace.executor.run;

import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.place.RunningModel;
import io.millrace.executor.place.TunedFolder;
import io.millrace.executor.step.FiniteWeights;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.memory.BadInputException;
import io.millrace.memory.nvme.VerifiedSource;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.TunedWriter;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.DurableMetrics;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Supplier;

/** What a run makes durable beside its journal: blocks and checkpoints under way, its end. */
public final class RunSaves {
    private static final System.Logger LOG = System.getLogger(RunSaves.class.getName());

    private final OutputConfig config;
    private final boolean replayable;
    private final long foldEvery;
    private final ModelSession session;
    private final RunningModel model;
    private final RunFolder folder;
    private final RunHistory history;
    private final Map<String, Object> runFile;
    private final ModelLayout tuned;
    private final TunedFolder tunedFolder;
    private final CheckpointCadence cadence;
    private boolean saidThatRoomIsShort;
    private Duration syncTime = Duration.ZERO;

    RunSaves(
            TuneConfig run,
            ModelSession session,
            RunningModel model,
            RunFolder folder,
            RunHistory history,
            String base,
            Map<String, Object> runFile) {
        config = run.output();
        replayable = run.arithmetic().isReplayable();
        foldEvery = run.arithmetic().foldEvery();
        this.session = session;
        this.model = model;
        this.folder = folder;
        this.history = history;
        this.runFile = runFile;
        tuned = session.layout().tuned();
        tunedFolder =
                new TunedFolder(
                        session.base(),
                        session.tuned(),
                        new TunedFolder.Origin(base, history.fingerprint()));
        cadence = new CheckpointCadence(tuned.sizeBytes());
    }

    /** Starts what goes on beside the steps. */
    void begin() {
        // What a store has of blocks may be of several steps: a journal carries it on, or nothing.
        if (config.checkpointEvery().isEmpty() && replayable) {
            model.tiers().keepDurable();
        }
    }

    /**
     * Does what is due after a step.
     *
     * @param step that was done
     * @param seconds that it took
     * @param applying seconds that applying its update anew would take at most
     */
    public void afterStep(long step, double seconds, double applying) {
        OptionalLong every = config.checkpointEvery();
        if (every.isEmpty()) {
            note(step, "settle", model.tiers().settleIfDue());
            Duration synced = model.tiers().syncTime();
            note(step, "sync", synced.minus(syncTime));
            syncTime = synced;
            boolean due = cadence.step(seconds, replayable ? applying : seconds);
            if (due && savesCheckpoints() && hasRoomForMoreThanTheModel()) {
                long beganNs = System.nanoTime();
                saveCheckpoint();
                Duration took = Duration.ofNanos(System.nanoTime() - beganNs);
                cadence.saved(took.toNanos() / 1e9);
                note(step, "checkpoint", took);
            }
        } else if (every.getAsLong() > 0 && step % every.getAsLong() == 0) {
            saveCheckpoint();
        }
    }

    /** A store spares them where a journal carries its blocks on. */
    private boolean savesCheckpoints() {
        return !replayable || !model.tiers().hasStore();
    }

    private void note(long step, String by, Duration took) {
        if (!took.isZero()) {
            history.metrics().write(new DurableMetrics(step, by, took.toNanos() / 1e9));
        }
    }

    /** Nobody asked for these checkpoints: they must not take the room of the model itself. */
    private boolean hasRoomForMoreThanTheModel() {
        try {
            CheckpointWriter.checkWritable(
                    folder.folder(), tuned.sizeBytes() + tuned.weightBytes());
            return true;
        } catch (BadInputException e) {
            if (!saidThatRoomIsShort) {
                saidThatRoomIsShort = true;
                LOG.log(
                        Level.WARNING,
                        "no checkpoints for now, so that going on after a kill takes longer: "
                                + e.getMessage());
            }
            return false;
        }
    }

    /** A run that was asked to stop: whoever goes on is spared what can be had quickly. */
    public void beforeStopping() {
        if (!replayable) {
            if (config.checkpointEvery().orElse(1) > 0 && hasRoomForMoreThanTheModel()) {
                saveCheckpoint();
            }
            return;
        }
        if (config.checkpointEvery().isPresent()) {
            return;
        }
        if (model.tiers().hasStore()) {
            model.tiers().syncStore();
        } else if (cadence.isWorthItBeforeStopping() && hasRoomForMoreThanTheModel()) {
            saveCheckpoint();
        }
    }

    /** Saves the weights as of the last fold that the schedule asks for. */
    private void saveCheckpoint() {
        long through = history.updates().lastStep() / foldEvery * foldEvery;
        boolean saved =
                history.checkpoints()
                        .newest()
                        .filter(newest -> newest.foldedThrough() == through)
                        .isPresent();
        boolean wanted = config.keep().checkpoints() > 0 || !replayable;
        if (through > 0 && !saved && (wanted || !model.tiers().flushStore())) {
            List<Integer> checksums =
                    save(
                            () ->
                                    tunedFolder.checkpoint(
                                            history.checkpoints().place(through), through),
                            ForwardRequest.Folding.SCHEDULED);
            history.checkpoints()
                    .mark(through, checksums, history.fingerprint(), config.keep().checkpoints());
            model.tiers().dropEarlierStore();
        }
    }

    /** Saves the tuned model; checkpoints are no longer needed then. */
    void saveModel() {
        long last = history.updates().lastStep();
        exchange(
                last,
                () ->
                        save(
                                () -> tunedFolder.result(folder.folder(), last),
                                ForwardRequest.Folding.ALL));
    }

    /** Saves the model as it was after an earlier step, which base and journal make again. */
    void saveModelOf(long step) {
        exchange(
                step,
                () -> {
                    // The blocks are past that step; their memory is what rebuilding takes.
                    model.tiers().discardStore();
                    model.close();
                    Replay.rebuild(
                            session.base(),
                            session.tuned(),
                            folder.journal(),
                            JournalReader.read(folder.journal()),
                            step,
                            folder.folder(),
                            session.ledger(),
                            session.givenBeside());
                });
    }

    private void exchange(long step, Runnable save) {
        // While its files are exchanged, the folder holds the model of no step for certain.
        folder.writeRunFile(runFile);
        save.run();
        Map<String, Object> done = new LinkedHashMap<>(runFile);
        new FinishedRun(history.updates().lastStep(), step).addTo(done);
        folder.writeRunFile(done);
        discard();
    }

    /** Ends a run: what it kept for going on is worth nothing any more. */
    public void discard() {
        if (config.keep().checkpoints() == 0) {
            history.checkpoints().removeAll();
        }
        model.tiers().discardStore();
    }

    /** Checksums of the blocks as they were written. */
    private List<Integer> save(Supplier<TunedWriter> place, ForwardRequest.Folding folding) {
        folder.requireInPlace();
        int[] checksums = new int[tuned.blocks().size()];
        try (TunedWriter writer = place.get()) {
            model.forward()
                    .fold(
                            history.updates(),
                            folding,
                            (block, bytes) -> {
                                FiniteWeights.require(
                                        tuned, block, bytes, history.updates().lastStep());
                                writer.writeBlock(block, bytes);
                                checksums[block] =
                                        VerifiedSource.checksum(tuned.block(block).parts(bytes));
                            });
            writer.commit();
        }
        return Arrays.stream(checksums).boxed().toList();
    }
}
