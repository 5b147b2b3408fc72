package io.millrace.executor.objective;

import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.StepBatch;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.objective.AnswerObjective;
import io.millrace.optim.objective.CandidateObjective;
import io.millrace.optim.objective.MeanLoss;
import io.millrace.optim.objective.Objective;
import java.nio.file.Path;
import java.util.List;

/** An objective over a dataset. */
public interface Scoring extends AutoCloseable {
    /**
     * An objective over data that it has a meaning for.
     *
     * @param objective the number
     * @param data the examples
     * @param examplesEach examples that pass through a block together
     * @param place where text and its ends come from
     * @throws io.millrace.memory.BadInputException where the data has not what the objective needs
     */
    static Scoring of(Objective objective, Dataset data, int examplesEach, Place place) {
        return switch (objective) {
            case MeanLoss _ when CandidateScoring.isInPlace(data) ->
                    CandidateScoring.among(data, examplesEach);
            case MeanLoss _ -> new LossScoring(data, examplesEach);
            case CandidateObjective candidates ->
                    CandidateScoring.of(candidates, data, examplesEach, place.file());
            case AnswerObjective answers -> AnswerScoring.of(answers, data, examplesEach, place);
        };
    }

    /**
     * What an objective over data may need beside the examples.
     *
     * @param file of the data, for messages
     * @param model folder of the tokenizer
     * @param maxPositions tokens of the model's longest sequence
     */
    record Place(Path file, Path model, int maxPositions) {
        /** Opens the tokenizer; whoever asks closes it. */
        Tokenizer tokenizer() {
            return Tokenizer.of(model);
        }
    }

    /** Some of the examples, by their indices. */
    StepBatch batch(int... examples);

    /** Whether its number is the mean loss of scored rows, which has a gradient. */
    default boolean hasGradient() {
        return false;
    }

    /** How many there are. */
    int examples();

    /** The sequences whose tokens, with what is scored in them, decide what is asked. */
    List<Example> sequences();

    /** Sequences that an example passes through a block as. */
    int sequencesEach();

    /** Sequences of some examples; what an int does not hold is refused as too many rows. */
    static int sequences(int examples, int sequencesEach) {
        return (int) Math.min(Integer.MAX_VALUE, (long) examples * sequencesEach);
    }

    /** Tokens of the longest sequence that is asked. */
    int longest();

    /**
     * Room for passes.
     *
     * @param objective what is asked
     * @param sequences of a batch
     * @param sequencesEach of a micro-batch
     * @param longest tokens of the longest sequence
     * @param questions what an estimator asks for
     */
    static ScratchSize size(
            Objective objective,
            int sequences,
            int sequencesEach,
            int longest,
            Questions questions) {
        return objective instanceof AnswerObjective
                ? ScratchSize.batches(sequences, sequencesEach, longest, questions.apart()).apart()
                : ScratchSize.batches(sequences, sequencesEach, longest, questions);
    }

    /** Gives back what text is made with, if anything. */
    @Override
    default void close() {}
}
