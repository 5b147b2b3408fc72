package io.millrace.executor.run;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.objective.GreedyAnswers;
import io.millrace.executor.objective.LossSink;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.UpdateLog;
import io.millrace.model.text.Batch;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Loss and accuracy of the model, as it would be saved now, over a dataset. */
public final class Evaluator {
    private final Forward forward;
    private final int sequencesEach;
    private final Optional<GreedyAnswers> answers;
    private final LossSink sink = new LossSink();

    /**
     * An evaluator.
     *
     * @param forward runs the model
     * @param sequencesEach sequences that its scratch memory has room for
     */
    public Evaluator(Forward forward, int sequencesEach) {
        this(forward, sequencesEach, Optional.empty());
    }

    /** One that has answers written and judged, too. */
    public Evaluator(Forward forward, int sequencesEach, Optional<GreedyAnswers> answers) {
        this.forward = forward;
        this.sequencesEach = sequencesEach;
        this.answers = answers;
    }

    /** Evaluates a dataset: every candidate of classification, else every scored token. */
    public EvalResult evaluate(Dataset data, UpdateLog updates) {
        EvalResult losses = losses(data, updates);
        if (answers.isEmpty()) {
            return losses;
        }
        GreedyAnswers.Score score = answers.get().judge(forward, sequencesEach, updates);
        return losses.withAnswers(score.f1(), score.exactMatch());
    }

    private EvalResult losses(Dataset data, UpdateLog updates) {
        if (data.classification().isEmpty()) {
            return languageModelling(data.examples(), updates);
        }
        return data.classification().getFirst().isInPlace()
                ? inPlace(data.classification(), updates)
                : classification(data.classification(), updates);
    }

    /** The words of every label at a text's mask, and the loss among them. */
    private EvalResult inPlace(List<ClassificationExample> examples, UpdateLog updates) {
        double sum = 0;
        int right = 0;
        int[] words = examples.getFirst().words();
        for (int from = 0; from < examples.size(); from += sequencesEach) {
            List<ClassificationExample> part =
                    examples.subList(from, Math.min(examples.size(), from + sequencesEach));
            Batch batch = Batch.of(part.stream().map(ClassificationExample::truth).toList());
            losses(MicroBatches.asking(batch, batch.rows(), words), updates);
            for (int i = 0; i < part.size(); i++) {
                double[] own =
                        Arrays.copyOfRange(sink.of(0, 0), i * words.length, (i + 1) * words.length);
                int label = part.get(i).label();
                sum += ClassificationExample.lossAmong(own, label);
                right += ClassificationExample.predict(own) == label ? 1 : 0;
            }
        }
        int count = examples.size();
        return new EvalResult(sum / count, (double) right / count, count, count);
    }

    private EvalResult languageModelling(List<Example> examples, UpdateLog updates) {
        double sum = 0;
        long tokens = 0;
        for (int from = 0; from < examples.size(); from += sequencesEach) {
            int to = Math.min(examples.size(), from + sequencesEach);
            int rows = lossesOf(examples.subList(from, to), updates);
            for (int row = 0; row < rows; row++) {
                sum += sink.of(0, 0)[row];
            }
            tokens += rows;
        }
        return new EvalResult(sum / tokens, Double.NaN, examples.size(), tokens);
    }

    private EvalResult classification(List<ClassificationExample> examples, UpdateLog updates) {
        double sum = 0;
        long tokens = 0;
        int right = 0;
        int candidates =
                examples.stream()
                        .mapToInt(example -> example.candidates().size())
                        .max()
                        .orElseThrow();
        int together = Math.max(1, sequencesEach / candidates);
        for (int from = 0; from < examples.size(); from += together) {
            List<ClassificationExample> part =
                    examples.subList(from, Math.min(examples.size(), from + together));
            List<double[]> sums = candidateLosses(part, updates);
            for (int index = 0; index < part.size(); index++) {
                ClassificationExample example = part.get(index);
                sum += sums.get(index)[example.label()];
                tokens += example.candidates().get(example.label()).scoredTokens();
                if (example.right().contains(likeliest(example, sums.get(index)))) {
                    right++;
                }
            }
        }
        return new EvalResult(
                sum / tokens, (double) right / examples.size(), examples.size(), tokens);
    }

    /** The candidate with the least mean loss over its tokens. */
    private static int likeliest(ClassificationExample example, double[] sums) {
        double[] means = new double[sums.length];
        for (int candidate = 0; candidate < sums.length; candidate++) {
            means[candidate] = sums[candidate] / example.candidates().get(candidate).scoredTokens();
        }
        return ClassificationExample.predict(means);
    }

    /** For each example the summed loss of each candidate. */
    private List<double[]> candidateLosses(List<ClassificationExample> part, UpdateLog updates) {
        List<Example> sequences = new ArrayList<>();
        part.forEach(example -> sequences.addAll(example.candidates()));
        List<double[]> result = new ArrayList<>();
        List<Example> chunk = new ArrayList<>();
        double[] flat = new double[sequences.size()];
        int done = 0;
        while (done < sequences.size()) {
            int to = Math.min(sequences.size(), done + sequencesEach);
            chunk.clear();
            chunk.addAll(sequences.subList(done, to));
            lossesOf(chunk, updates);
            int row = 0;
            for (Example sequence : chunk) {
                for (int token = 0; token < sequence.scoredTokens(); token++) {
                    flat[done] += sink.of(0, 0)[row++];
                }
                done++;
            }
        }
        int at = 0;
        for (ClassificationExample example : part) {
            double[] sums = new double[example.candidates().size()];
            for (int candidate = 0; candidate < sums.length; candidate++) {
                sums[candidate] = flat[at++];
            }
            result.add(sums);
        }
        return result;
    }

    private int lossesOf(List<Example> sequences, UpdateLog updates) {
        Batch batch = Batch.of(sequences);
        return losses(MicroBatches.scoring(batch, batch.rows()), updates);
    }

    private int losses(List<MicroBatch> microBatches, UpdateLog updates) {
        int rows = MicroBatches.headRowCount(microBatches);
        sink.prepare(ForwardRequest.AT_THETA, rows);
        forward.run(ForwardRequest.plain(microBatches, updates), sink);
        return rows;
    }
}
