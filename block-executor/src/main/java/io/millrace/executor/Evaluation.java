package io.millrace.executor;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.objective.GreedyAnswers;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.run.DataSource;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.Evaluator;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.TextStream;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.data.Reading;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.update.MezoSgd;
import java.util.Optional;

/** Figures of a saved model on a file. */
public final class Evaluation {
    private Evaluation() {}

    /**
     * Evaluates a model.
     *
     * @throws BadInputException when a figure is asked that the data has nothing for, or the input
     *     is refused otherwise
     */
    public static EvalResult run(EvalConfig config) {
        try (ModelSession session =
                ModelSession.openWith(config.model(), config.adapter(), config.memory())) {
            ModelProgram program = session.tuned().program();
            Tokenizer tokenizer = session.own(Tokenizer.of(config.model(), program.vocabSize()));
            DataSource source = new DataSource(config.task(), program, tokenizer);
            Dataset data = data(config, source);
            Metric metric = metric(config, source);
            if (metric == Metric.ACCURACY && data.classification().isEmpty()) {
                throw new BadInputException(
                        config.data().toString(),
                        "has no labels to be right about",
                        "give {\"text\", \"label\"} rows with --label-words, rows with choices,"
                                + " or --metric loss");
            }
            Optional<GreedyAnswers> answers =
                    metric.wantsAnswers()
                            ? Optional.of(
                                    new GreedyAnswers(
                                            data,
                                            config.data(),
                                            tokenizer,
                                            config.asked().maxNewTokens(),
                                            program.maxPositions()))
                            : Optional.empty();
            session.checkpoint().scan();
            int sequences = config.batchSize();
            int longest = Math.max(data.maxLength(), answers.map(GreedyAnswers::longest).orElse(0));
            Forward forward =
                    session.startPlain(
                            ScratchSize.batches(
                                    sequences, sequences, longest, Questions.each(1, 1)));
            return new Evaluator(forward, sequences, answers)
                    .evaluate(data, new UpdateLog(new MezoSgd()));
        }
    }

    private static Metric metric(EvalConfig config, DataSource source) {
        return config.asked()
                .metric()
                .orElseGet(() ->
                        source.task()
                                .map(task ->
                                        switch (task.metric()) {
                                            case ACCURACY -> Metric.ACCURACY;
                                            case F1 -> Metric.F1;
                                        })
                                .orElse(Metric.LOSS));
    }

    private static Dataset data(EvalConfig config, DataSource source) {
        Reading reading =
                config.asked()
                        .demonstrations()
                        .map(shown ->
                                source.demonstrated(shown.pool(), shown.each(), config.data()))
                        .orElseGet(() -> source.evaluated(config.data()));
        Dataset data = reading.told();
        if (config.asked().stride().isEmpty()) {
            return data;
        }
        int stride = config.asked().stride().getAsInt();
        if (!(data instanceof TextStream stream)) {
            throw new BadInputException(
                    "--stride",
                    "is for running text, and " + config.data() + " holds " + data.kind().shape(),
                    "leave it out");
        }
        if (stride >= source.seqLen()) {
            throw new BadInputException(
                    "--stride",
                    stride + " is not below the " + source.seqLen() + " tokens of a window",
                    "give fewer");
        }
        return stream.strided(stride);
    }
}
