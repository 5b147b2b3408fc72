package io.millrace.executor.objective;

import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.MicroBatches;
import io.millrace.executor.step.StepBatch;
import io.millrace.model.text.Batch;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.objective.CandidateObjective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What is made of the logits of all label words at a text's mask: the cross-entropy among these
 * words alone, as MeZO (arXiv 2305.17333) tunes RoBERTa, or an objective over candidates. A text is
 * one sequence, whichever word is right and however many there are.
 */
final class WordScoring implements Scoring {
    private final Optional<CandidateObjective> objective;
    private final List<ClassificationExample> examples;
    private final int longest;
    private final int examplesEach;
    private final int[] words;
    private final LossSink sink = new LossSink();

    /**
     * A scoring.
     *
     * @param objective over the words' losses; the cross-entropy of the right one where empty
     * @param data of which every example asks for the same words
     * @param examplesEach examples that pass through a block together
     */
    WordScoring(Optional<CandidateObjective> objective, Dataset data, int examplesEach) {
        this.objective = objective;
        examples = data.classification();
        longest = data.maxLength();
        this.examplesEach = examplesEach;
        words = examples.getFirst().words();
    }

    static boolean takes(Dataset data) {
        return !data.classification().isEmpty() && data.classification().getFirst().isInPlace();
    }

    @Override
    public StepBatch batch(int... indices) {
        return new WordBatch(Arrays.stream(indices).mapToObj(examples::get).toList());
    }

    @Override
    public int examples() {
        return examples.size();
    }

    /** The right one first: which it is decides what is asked, too. */
    @Override
    public List<Example> sequences() {
        List<Example> all = new ArrayList<>();
        for (ClassificationExample example : examples) {
            all.add(example.truth());
            all.addAll(example.candidates());
        }
        return all;
    }

    @Override
    public int longest() {
        return longest;
    }

    @Override
    public int sequencesEach() {
        return 1;
    }

    private final class WordBatch implements StepBatch {
        private final List<ClassificationExample> asked;
        private final Batch batch;

        private WordBatch(List<ClassificationExample> asked) {
            this.asked = asked;
            batch = Batch.of(asked.stream().map(ClassificationExample::truth).toList());
        }

        @Override
        public int tokens() {
            return batch.tokens();
        }

        @Override
        public long weight() {
            return asked.size();
        }

        @Override
        public List<double[]> values(List<Query> queries, Passes passes) {
            List<MicroBatch> microBatches =
                    MicroBatches.scoring(batch, examplesEach).stream()
                            .map(one -> one.asking(words))
                            .toList();
            sink.prepare(queries, MicroBatches.headRowCount(microBatches));
            passes.run(queries, List.of(microBatches), sink);
            return ScaleValues.of(queries, (query, scale) -> value(sink.of(query, scale)));
        }

        private double value(double[] losses) {
            double sum = 0;
            for (int i = 0; i < asked.size(); i++) {
                int label = asked.get(i).label();
                double[] own = Arrays.copyOfRange(losses, i * words.length, (i + 1) * words.length);
                double among = ClassificationExample.lossAmong(own, label);
                if (objective.isEmpty() || !Double.isFinite(among)) {
                    sum += among; // a comparison would hide what is no number
                } else {
                    sum += objective.get().of(own, label);
                }
            }
            return sum / asked.size();
        }
    }
}
