package io.millrace.executor.search;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.objective.Scoring;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.place.RunningModel;
import io.millrace.executor.run.TrainingData;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.TrainedWeights;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.model.text.Dataset;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.mask.BaseWeights;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Chooses the share of a model's elements that the loss over some text is most sensitive to, for
 * runs that tune these alone (arXiv 2406.02913). There the mean squared gradient over the text
 * decides; here, without gradients, what slopes along many directions tell of it. The model is only
 * read.
 */
public final class SensitiveSearch {
    private static final long MOST = 1 << 28;
    private static final int TILES_EACH = 16; // that a worker does before their scores are taken

    private SensitiveSearch() {}

    /**
     * Chooses, and writes the lists.
     *
     * @param config what to choose
     * @param listener is asked whether to stop before each batch
     * @param progress hears how far it is
     * @throws BadInputException when the input is refused
     * @throws io.millrace.executor.step.DivergedException when losses are no numbers
     */
    public static SensitiveResult run(
            SensitiveConfig config, RunListener listener, Consumer<String> progress) {
        config.arithmetic().trained().requireOwn("a search for sensitive elements");
        try (ModelSession session =
                ModelSession.open(config.model(), config.arithmetic(), config.memory())) {
            BaseWeights base = new TrainedWeights(session.checkpoint(), session.layout());
            List<BaseWeights.Tensor> tensors =
                    base.tensors().stream()
                            .sorted(Comparator.comparingInt(BaseWeights.Tensor::tensorId))
                            .toList();
            long elements = tensors.stream().mapToLong(BaseWeights.Tensor::elements).sum();
            TopScores top = new TopScores(keep(config, elements));
            if (config.choice().by() == SensitiveConfig.By.MAGNITUDE) {
                magnitudes(base, tensors, top);
            } else {
                Optional<BatchSlopes> slopes = slopes(config, session, listener, progress);
                if (slopes.isEmpty()) {
                    return new SensitiveResult(List.of(), elements, Float.NaN, true);
                }
                progress.accept("scores of " + elements + " elements");
                scores(config, slopes.get(), tensors, top);
            }
            List<SensitiveResult.Chosen> chosen =
                    ListsFile.write(
                            config, session.checkpoint().scan().fingerprint(), tensors, top);
            return new SensitiveResult(chosen, elements, top.least(), false);
        }
    }

    private static int keep(SensitiveConfig config, long elements) {
        double share = config.choice().share();
        long keep = Math.max(1, (long) Math.ceil(share * elements));
        if (keep > MOST) {
            throw new BadInputException(
                    "--share",
                    String.format(
                            "%s of %,d elements are %,d, and take %s of heap",
                            share, elements, keep, ByteSize.format(TopScores.bytes(keep))),
                    String.format("give a share that leaves at most %,d", MOST));
        }
        return Math.toIntExact(keep);
    }

    private static void magnitudes(
            BaseWeights base, List<BaseWeights.Tensor> tensors, TopScores top) {
        long place = 0;
        for (BaseWeights.Tensor tensor : tensors) {
            long[] next = {place};
            base.read(
                    tensor,
                    (values, count) -> {
                        float[] sizes = new float[count];
                        for (int i = 0; i < count; i++) {
                            sizes[i] = Math.abs(values[i]);
                        }
                        top.take(next[0], sizes, count);
                        next[0] += count;
                    });
            place += tensor.elements();
        }
    }

    private static Optional<BatchSlopes> slopes(
            SensitiveConfig config,
            ModelSession session,
            RunListener listener,
            Consumer<String> progress) {
        SearchConfig.Data data = config.data().orElseThrow();
        ArithmeticConfig arithmetic = config.arithmetic();
        int longestProgram = session.checkpoint().program().maxPositions();
        Dataset read =
                TrainingData.read(
                        data.file(), data.task(), config.model(), session.checkpoint().program());
        Scoring scoring =
                session.own(
                        Scoring.of(
                                arithmetic.objective(),
                                read,
                                data.batchSize(),
                                new Scoring.Place(data.file(), config.model(), longestProgram)));
        int rows =
                Scoring.sequences(
                        Math.min(data.batchSize(), scoring.examples()), scoring.sequencesEach());
        int together = Math.min(config.choice().together(), config.choice().directions());
        ScratchSize size =
                Scoring.size(
                        arithmetic.objective(),
                        rows,
                        rows,
                        scoring.longest(),
                        Questions.each(together, 2));
        BlockOrigin origin = BlockOrigin.of(session.checkpoint(), session.layout());
        try (RunningModel model =
                session.plan(size, Arithmetic.of(arithmetic), origin, false)
                        .start(Optional.empty(), 1)) {
            return BatchSlopes.take(
                    config, model.forward(), scoring, session.layout().parts(), listener, progress);
        }
    }

    private static void scores(
            SensitiveConfig config,
            BatchSlopes slopes,
            List<BaseWeights.Tensor> tensors,
            TopScores top) {
        if (!(config.arithmetic().direction() instanceof DenseDirection dense)) {
            throw new IllegalStateException("a config has dense directions");
        }
        try (WorkerPool pool = new WorkerPool()) {
            List<SlopeScores> scorers =
                    IntStream.range(0, pool.workers())
                            .mapToObj(_ -> SlopeScores.of(config.choice().by(), dense, slopes))
                            .toList();
            float[] scores = new float[pool.workers() * TILES_EACH * SlopeScores.TILE];
            long place = 0;
            for (BaseWeights.Tensor tensor : tensors) {
                for (long done = 0; done < tensor.elements(); done += scores.length) {
                    long first = done;
                    int count = (int) Math.min(scores.length, tensor.elements() - done);
                    pool.parallelFor(
                            Math.ceilDiv(count, SlopeScores.TILE),
                            (tile, worker) -> {
                                int at = tile * SlopeScores.TILE;
                                scorers.get(worker)
                                        .score(
                                                tensor.tensorId(),
                                                first + at,
                                                scores,
                                                at,
                                                Math.min(SlopeScores.TILE, count - at));
                            });
                    top.take(place + done, scores, count);
                }
                place += tensor.elements();
            }
        }
    }
}
