package io.millrace.executor;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.Evaluator;
import io.millrace.executor.run.TrainingData;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Dataset;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.update.MezoSgd;

/** Loss and accuracy of a saved model on a file. */
public final class Evaluation {
    private Evaluation() {}

    /**
     * Evaluates a model.
     *
     * @throws BadInputException when accuracy is asked of data without labels, or the input is
     *     refused otherwise
     */
    public static EvalResult run(EvalConfig config) {
        try (ModelSession session =
                ModelSession.openWith(config.model(), config.adapter(), config.memory())) {
            ModelProgram program = session.tuned().program();
            Dataset data = TrainingData.read(config.data(), config.task(), config.model(), program);
            if (config.metric() == Metric.ACCURACY && data.classification().isEmpty()) {
                throw new BadInputException(
                        config.data().toString(),
                        "has no labels to be right about",
                        "give {\"text\", \"label\"} lines with --label-words, or --metric loss");
            }
            session.checkpoint().scan();
            int sequences = config.batchSize();
            Forward forward =
                    session.startPlain(
                            ScratchSize.batches(
                                    sequences, sequences, data.maxLength(), Questions.each(1, 1)));
            return new Evaluator(forward, sequences).evaluate(data, new UpdateLog(new MezoSgd()));
        }
    }
}
