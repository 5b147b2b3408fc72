package io.millrace.executor.search;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.run.TrainingData;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.device.DeviceKind;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Op;
import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.text.Dataset;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.participation.LayerWeights;
import io.millrace.optim.update.MezoSgd;
import io.millrace.telemetry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Counts the outliers in each layer of a model (OWL, arXiv 2310.05175): a weight counts its size,
 * times the length of its input over some text where there is one, and is an outlier where that
 * exceeds so many times the mean of all weights of the layer's matrices. The model is only read:
 * for the text as a forward reads it, and then each layer twice, piece by piece.
 */
public final class OutlierSearch {
    private OutlierSearch() {}

    /**
     * Counts, and writes the file.
     *
     * @param listener is asked whether to stop before each layer
     * @param progress hears how far it is
     * @return a layer each; empty where it was stopped
     * @throws BadInputException when the input is refused
     */
    public static List<LayerOutliers> run(
            OutlierConfig config, RunListener listener, Consumer<String> progress) {
        try (ModelSession session =
                ModelSession.open(config.model(), Optional.empty(), config.memory())) {
            Checkpoint base = session.checkpoint();
            List<List<LinearSpec>> layers =
                    base.program().layers().stream().map(OutlierSearch::matrices).toList();
            ModelLayout floats = base.layout(DType.F32);
            layers.forEach(layer -> layer.forEach(matrix -> requireNumbers(floats, matrix)));
            Optional<InputSquares> inputs =
                    config.text().map(text -> inputs(config, text, session, progress));
            List<LayerOutliers> found = new ArrayList<>();
            for (List<LinearSpec> layer : layers) {
                if (listener.stopRequested()) {
                    return List.of();
                }
                progress.accept("layer " + found.size());
                found.add(outliers(base, floats, layer, inputs, config.times()));
            }
            write(config, found);
            return found;
        }
    }

    /** A layer's matrices of attention and feed-forward, each once. */
    private static List<LinearSpec> matrices(BlockProgram layer) {
        Map<String, LinearSpec> matrices = new LinkedHashMap<>();
        layer.ops().stream()
                .flatMap(OutlierSearch::matrices)
                .forEach(matrix -> matrices.putIfAbsent(matrix.weight(), matrix));
        return List.copyOf(matrices.values());
    }

    private static Stream<LinearSpec> matrices(Op op) {
        return switch (op) {
            case Op.Linear linear -> linear.matrices().stream();
            case MixtureOp.Experts experts ->
                    experts.experts().stream().flatMap(ExpertSpec::matrices);
            default -> Stream.empty();
        };
    }

    private static void requireNumbers(ModelLayout floats, LinearSpec matrix) {
        if (!(slot(floats, matrix).format() instanceof DType)) {
            throw new BadInputException(
                    "--model",
                    matrix.weight() + " is stored in codes",
                    "give the model that it was quantised from");
        }
    }

    private static TensorSlot slot(ModelLayout floats, LinearSpec matrix) {
        return floats.find(matrix.weight()).orElseThrow().slot();
    }

    private static InputSquares inputs(
            OutlierConfig config,
            OutlierConfig.Text text,
            ModelSession session,
            Consumer<String> progress) {
        if (config.memory().device().kind() == DeviceKind.CUDA) {
            throw new BadInputException(
                    "--device",
                    "a card does not show what its products are made of",
                    "give --device cpu, or leave --train out");
        }
        progress.accept("text");
        Checkpoint base = session.checkpoint();
        Dataset data =
                TrainingData.read(text.file(), config.task(), config.model(), base.program());
        List<int[]> sequences = data.first(text.tokens());
        int longest = sequences.stream().mapToInt(ids -> ids.length).max().orElseThrow();
        ScratchSize size = ScratchSize.batches(sequences.size(), 1, longest, Questions.each(1, 1));
        List<MicroBatch> batches = MicroBatches.continuing(sequences, 1);
        InputSquares squares = new InputSquares();
        session.startPlain(size)
                .run(ForwardRequest.plain(batches, new UpdateLog(new MezoSgd())), squares);
        return squares;
    }

    private static LayerOutliers outliers(
            Checkpoint base,
            ModelLayout floats,
            List<LinearSpec> layer,
            Optional<InputSquares> inputs,
            double times) {
        long weights = 0;
        double sum = 0;
        for (LinearSpec matrix : layer) {
            OutlierMatrix scores = OutlierMatrix.of(base, slot(floats, matrix), matrix, inputs);
            weights += scores.elements();
            sum += scores.sum();
        }
        double mean = sum / weights;
        if (!Double.isFinite(mean)) {
            throw new BadInputException(
                    "--model",
                    "the layer of " + layer.getFirst().weight() + " has what is no number",
                    "give a model and text without such");
        }
        long outliers = 0;
        for (LinearSpec matrix : layer) {
            outliers +=
                    OutlierMatrix.of(base, slot(floats, matrix), matrix, inputs)
                            .above(times * mean);
        }
        return new LayerOutliers(weights, mean, outliers);
    }

    private static void write(OutlierConfig config, List<LayerOutliers> found) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("model", config.model().toString());
        config.text().ifPresent(text -> fields.put("train", text.file().toString()));
        fields.put("times", config.times());
        fields.put(LayerWeights.FIELD, found.stream().map(LayerOutliers::share).toList());
        String text = Json.writePretty(fields) + "\n";
        DurableFiles.system().replace(config.out(), text.getBytes(StandardCharsets.UTF_8));
    }
}
