package io.millrace.executor.quantize;

import io.millrace.executor.Evaluation;
import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.TrainingData;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.memory.Tier;
import io.millrace.memory.device.DeviceKind;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.Checkpoint;
import io.millrace.model.quantize.QuantMatrix;
import io.millrace.model.quantize.QuantizedModel;
import io.millrace.model.quantize.TensorError;
import io.millrace.model.text.Dataset;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.update.MezoSgd;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;

/** A model's matrices in fewer bits, and what that costs. */
public final class Quantization {
    private static final int EVAL_BATCH = 16;

    private Quantization() {}

    /**
     * What was made.
     *
     * @param tensors how far each matrix is from what it was
     * @param bytesBefore of all tensors of the model
     * @param bytesAfter of all tensors that were written
     * @param losses held out, where they were asked for
     */
    public record Result(
            List<TensorError> tensors, long bytesBefore, long bytesAfter, Optional<Losses> losses) {
        /** The root of the mean square of all that was lost, over that of all matrices. */
        public double relativeRms() {
            return TensorError.relativeRmsOfAll(tensors);
        }
    }

    /**
     * Held-out losses.
     *
     * @param before of the model that was given
     * @param after of the one that was made
     */
    public record Losses(EvalResult before, EvalResult after) {}

    /**
     * Quantises a model.
     *
     * @param progress called now and then with the bytes of matrices done since the last call
     * @throws BadInputException when the model cannot be stored so, the text is refused, or the
     *     folder cannot be written; nothing is left of it then
     */
    public static Result run(QuantizeConfig config, LongConsumer progress) {
        boolean isNew = !Files.exists(config.out());
        Optional<EvalResult> before =
                config.eval().map(file -> evaluate(config, config.model(), file));
        try {
            Made made =
                    config.calibration().isPresent()
                            ? calibrated(config, config.calibration().get(), progress)
                            : nearest(config, progress);
            Optional<Losses> losses =
                    before.map(loss ->
                            new Losses(
                                    loss,
                                    evaluate(config, config.out(), config.eval().orElseThrow())));
            return new Result(made.tensors, made.bytesBefore, made.bytesAfter, losses);
        } catch (RuntimeException e) {
            if (isNew) {
                removeEmpty(config.out(), e);
            }
            throw e;
        }
    }

    private record Made(List<TensorError> tensors, long bytesBefore, long bytesAfter) {}

    private static void removeEmpty(Path out, RuntimeException cause) {
        try {
            String[] names = out.toFile().list();
            if (names != null && names.length == 0) {
                DurableFiles.system().delete(out);
            }
        } catch (RuntimeException e) {
            cause.addSuppressed(e); // what a failing disk let nobody remove
        }
    }

    private static EvalResult evaluate(QuantizeConfig config, Path model, Path file) {
        return Evaluation.run(
                new EvalConfig(
                        model, file, Metric.LOSS, config.task(), EVAL_BATCH, config.memory()));
    }

    private static Made nearest(QuantizeConfig config, LongConsumer progress) {
        try (Checkpoint base = Checkpoint.open(config.model());
                QuantizedModel made = begin(base, config, progress)) {
            List<TensorError> errors = new ArrayList<>();
            for (QuantMatrix matrix : made.matrices().values()) {
                errors.add(made.quantise(matrix, Optional.empty()));
            }
            return new Made(errors, base.layout().weightBytes(), made.commit());
        }
    }

    private static QuantizedModel begin(
            Checkpoint base, QuantizeConfig config, LongConsumer progress) {
        return QuantizedModel.create(base, config.form(), config.group(), config.out(), progress);
    }

    private static Made calibrated(
            QuantizeConfig config, QuantizeConfig.Calibration text, LongConsumer progress) {
        requireProcessor(config);
        try (ModelSession session =
                ModelSession.open(config.model(), Optional.empty(), config.memory())) {
            Checkpoint base = session.checkpoint();
            Dataset data =
                    TrainingData.read(text.file(), config.task(), config.model(), base.program());
            List<int[]> sequences = data.first(text.tokens());
            base.scan();
            try (QuantizedModel made = begin(base, config, progress)) {
                CalibrationSink sink = new CalibrationSink(made, base.layout(), text.file());
                long bytes = sink.bytes(base.program());
                session.ledger().reserve(Tier.HOST, "sums over inputs of products", bytes);
                int longest = sequences.stream().mapToInt(ids -> ids.length).max().orElseThrow();
                Forward forward =
                        session.startPlain(
                                ScratchSize.batches(
                                        sequences.size(), 1, longest, Questions.each(1, 1)));
                List<MicroBatch> batches = MicroBatches.continuing(sequences, 1);
                forward.run(ForwardRequest.plain(batches, new UpdateLog(new MezoSgd())), sink);
                List<TensorError> errors = sink.finish();
                session.ledger().release(Tier.HOST, bytes);
                return new Made(errors, base.layout().weightBytes(), made.commit());
            }
        }
    }

    /** What enters products is seen where the processor makes them. */
    private static void requireProcessor(QuantizeConfig config) {
        if (config.memory().device().kind() == DeviceKind.CUDA) {
            throw new BadInputException(
                    "--device",
                    "a card does not calibrate",
                    "give --device cpu, or leave --calibrate out");
        }
    }
}
