package io.millrace.executor;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.WeightScan;
import io.millrace.model.text.BatchSampler;
import io.millrace.model.text.Shuffle;
import io.millrace.optim.DenseDirection;
import io.millrace.optim.Directions;
import io.millrace.optim.Estimator;
import io.millrace.optim.JournalHeader;
import io.millrace.optim.JournalWriter;
import io.millrace.optim.LrSchedule;
import io.millrace.optim.Optimizers;
import io.millrace.optim.Schedules;
import io.millrace.optim.SeededShuffle;
import io.millrace.optim.TwoSidedEstimator;
import io.millrace.telemetry.MetricsWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run needs before its first step. Everything that can be refused is refused before the
 * output folder is touched.
 */
final class RunSetup implements AutoCloseable {
    private final TuneConfig config;
    private final ModelSession session;
    private final TrainingData data;
    private final WeightScan scan;
    private final RunFolder folder;
    private final RunJournal journal;
    private final DecoderForward forward;
    private final Estimator estimator;

    private RunSetup(
            TuneConfig config,
            ModelSession session,
            TrainingData data,
            WeightScan scan,
            RunFolder folder,
            RunJournal journal,
            DecoderForward forward,
            Estimator estimator) {
        this.config = config;
        this.session = session;
        this.data = data;
        this.scan = scan;
        this.folder = folder;
        this.journal = journal;
        this.forward = forward;
        this.estimator = estimator;
    }

    /** Checks everything, takes the folder, loads the weights. */
    static RunSetup prepare(TuneConfig config) {
        ArithmeticConfig arithmetic = config.arithmetic();
        DenseDirection direction = Directions.named(arithmetic.perturbation());
        Estimator estimator = new TwoSidedEstimator(arithmetic.queries());
        Schedules.named(arithmetic.schedule(), arithmetic.lr(), arithmetic.warmup());
        ModelSession session =
                ModelSession.open(config.model(), arithmetic.dtype(), config.memory());
        RunFolder folder = null;
        try {
            TrainingData data =
                    TrainingData.read(config.data(), config.model(), session.checkpoint().spec());
            WeightScan scan = session.checkpoint().scan();
            CheckpointWriter.checkWritable(config.output().out(), session.layout().sizeBytes());
            folder = RunFolder.open(config.output().out(), config.output().resume());
            RunJournal journal = RunJournal.open(config, folder, scan.fingerprint());
            DecoderForward forward =
                    session.start(
                            size(config.data(), data, arithmetic.queries()),
                            direction,
                            arithmetic.rounding(),
                            arithmetic.foldEvery(),
                            journal.foldedThrough());
            return new RunSetup(
                    config, session, data, scan, folder, journal, forward, estimator);
        } catch (RuntimeException | Error e) {
            if (folder != null) {
                folder.close();
            }
            session.close();
            throw e;
        }
    }

    ModelSession session() {
        return session;
    }
}
