package io.millrace.executor.objective;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.step.StepBatch;
import io.millrace.memory.BadInputException;
import io.millrace.model.text.Batch;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.objective.CandidateObjective;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * What is made of the mean losses of every candidate of labelled examples. Where candidates are one
 * text with a word each at its mask, it is one sequence, whichever word is right and however many
 * there are.
 */
final class CandidateScoring implements Scoring {
    private final Value objective;
    private final List<ClassificationExample> examples;
    private final int longest;
    private final int examplesEach;
    private final int candidates;
    private final boolean inPlace;
    private final boolean judges;
    private final LossSink sink = new LossSink();

    /** What is made of the candidates of an example. */
    private interface Value {
        double of(double[] losses, int label);
    }

    private CandidateScoring(Value objective, boolean judges, Dataset data, int examplesEach) {
        this.objective = objective;
        this.judges = judges;
        examples = data.classification();
        longest = data.maxLength();
        this.examplesEach = examplesEach;
        candidates =
                examples.stream()
                        .mapToInt(example -> example.candidates().size())
                        .max()
                        .orElseThrow();
        inPlace = examples.getFirst().isInPlace();
    }

    static Scoring of(CandidateObjective objective, Dataset data, int examplesEach, Path file) {
        if (data.classification().isEmpty()) {
            throw new BadInputException(
                    file.toString(),
                    "has no labels to be right about",
                    "give {\"text\", \"label\"} rows with --label-words, rows with choices, or"
                            + " --objective loss");
        }
        return new CandidateScoring(objective::of, objective.isShare(), data, examplesEach);
    }

    /**
     * The cross-entropy among the words of a mask alone, as MeZO (arXiv 2305.17333) tunes RoBERTa.
     */
    static Scoring among(Dataset data, int examplesEach) {
        return new CandidateScoring(ClassificationExample::lossAmong, false, data, examplesEach);
    }

    static boolean isInPlace(Dataset data) {
        return !data.classification().isEmpty() && data.classification().getFirst().isInPlace();
    }

    @Override
    public StepBatch batch(int... indices) {
        return new CandidateBatch(Arrays.stream(indices).mapToObj(examples::get).toList());
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
            if (example.right().size() > 1) {
                int[] right = example.right().stream().mapToInt(Integer::intValue).toArray();
                all.add(Example.scoringAll(right));
            }
        }
        return all;
    }

    @Override
    public int longest() {
        return longest;
    }

    @Override
    public int sequencesEach() {
        return inPlace ? 1 : candidates;
    }

    private final class CandidateBatch implements StepBatch {
        private final List<ClassificationExample> asked;
        private final Batch batch;

        private CandidateBatch(List<ClassificationExample> asked) {
            this.asked = asked;
            batch =
                    Batch.of(
                            asked.stream()
                                    .flatMap(example ->
                                            inPlace
                                                    ? Stream.of(example.truth())
                                                    : example.candidates().stream())
                                    .toList());
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
                    inPlace
                            ? MicroBatches.asking(batch, examplesEach, examples.getFirst().words())
                            : MicroBatches.scoring(batch, examplesEach * candidates);
            sink.prepare(queries, MicroBatches.headRowCount(microBatches));
            passes.run(queries, List.of(microBatches), sink);
            return ScaleValues.of(queries, (query, scale) -> value(sink.of(query, scale)));
        }

        /** The mean over examples, of losses in order of scored token. */
        private double value(double[] losses) {
            double sum = 0;
            int row = 0;
            for (ClassificationExample example : asked) {
                double[] means = new double[example.candidates().size()];
                for (int candidate = 0; candidate < means.length; candidate++) {
                    int tokens = example.candidates().get(candidate).scoredTokens();
                    double loss = 0;
                    for (int token = 0; token < tokens; token++) {
                        loss += losses[row++];
                    }
                    means[candidate] = loss / tokens;
                    if (!Double.isFinite(loss)) {
                        return Double.NaN; // a comparison would hide it
                    }
                }
                sum += best(means, example);
            }
            return sum / asked.size();
        }

        /** What is lost by the right candidate, or by the best of several that count as right. */
        private double best(double[] means, ClassificationExample example) {
            double least = objective.of(means, example.label());
            if (judges) {
                for (int right : example.right()) {
                    least = Math.min(least, objective.of(means, right));
                }
            }
            return least;
        }
    }
}
