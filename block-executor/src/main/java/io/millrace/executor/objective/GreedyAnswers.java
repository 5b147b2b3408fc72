package io.millrace.executor.objective;

import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.UpdateLog;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Question;
import io.millrace.model.text.SpecialTokens;
import io.millrace.model.text.Tokenizer;
import io.millrace.optim.objective.AnswerF1;
import io.millrace.optim.objective.ExactMatch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * The likeliest answers of a model to the prompts of a dataset, as MeZO's evaluation writes them:
 * until an end mark or a line feed, and no more than some tokens. A token of all answers of a batch
 * is one pass over the model.
 */
public final class GreedyAnswers {
    private final List<Question> questions;
    private final Tokenizer tokenizer;
    private final int mostTokens;
    private final int maxPositions;
    private final ChoiceSink sink = new ChoiceSink();

    /** How good answers are: both from 0 to 1. */
    public record Score(double f1, double exactMatch) {}

    /**
     * Answers to a dataset's prompts.
     *
     * @param data with prompts
     * @param file that it is from, for messages
     * @param tokenizer of the model; its owner closes it
     * @param mostTokens of an answer
     * @param maxPositions the longest sequence of the model
     * @throws io.millrace.memory.BadInputException where the data has no prompts
     */
    public GreedyAnswers(
            Dataset data, Path file, Tokenizer tokenizer, int mostTokens, int maxPositions) {
        questions = AnswerScoring.questions(data, file, tokenizer);
        this.tokenizer = tokenizer;
        this.mostTokens = mostTokens;
        this.maxPositions = maxPositions;
    }

    /** Tokens of the longest sequence that is read. */
    public int longest() {
        int prompt = questions.stream().mapToInt(one -> one.prompt().length).max().orElse(1);
        // The last token of an answer is not read again.
        return Math.max(prompt, Math.min(maxPositions, prompt + mostTokens) - 1);
    }

    /**
     * Writes all answers, and judges them.
     *
     * @param forward runs the model
     * @param sequencesEach prompts that its scratch memory has room for
     * @param updates that its weights do not hold yet
     */
    public Score judge(Forward forward, int sequencesEach, UpdateLog updates) {
        AnswerF1 f1 = new AnswerF1(mostTokens);
        ExactMatch exact = new ExactMatch(mostTokens);
        double sumF1 = 0;
        double sumExact = 0;
        for (int from = 0; from < questions.size(); from += sequencesEach) {
            List<Question> part =
                    questions.subList(from, Math.min(questions.size(), from + sequencesEach));
            List<String> answers = answers(part, forward, updates);
            for (int i = 0; i < part.size(); i++) {
                sumF1 += 1 - f1.of(answers.get(i), part.get(i).right());
                sumExact += 1 - exact.of(answers.get(i), part.get(i).right());
            }
        }
        return new Score(sumF1 / questions.size(), sumExact / questions.size());
    }

    private List<String> answers(List<Question> part, Forward forward, UpdateLog updates) {
        int[][] ids = part.stream().map(Question::prompt).toArray(int[][]::new);
        boolean[] done = new boolean[ids.length];
        List<Integer> open = open(done);
        while (!open.isEmpty()) {
            List<int[]> sequences = open.stream().map(row -> ids[row]).toList();
            sink.prepare(1, sequences.size());
            forward.run(
                    ForwardRequest.plain(
                            MicroBatches.continuing(sequences, sequences.size()), updates),
                    sink);
            for (int i = 0; i < open.size(); i++) {
                int row = open.get(i);
                done[row] = !goesOn(ids, row, sink.of(0, i), part.get(row).prompt().length);
            }
            open = open(done);
        }
        List<String> answers = new ArrayList<>();
        for (int row = 0; row < ids.length; row++) {
            int from = part.get(row).prompt().length;
            answers.add(text(Arrays.copyOfRange(ids[row], from, ids[row].length)));
        }
        return answers;
    }

    /** Takes the next token of an answer, and tells whether another may follow. */
    private boolean goesOn(int[][] ids, int row, int id, int prompt) {
        SpecialTokens special = tokenizer.special();
        boolean ends =
                id == HeadSink.NO_CHOICE
                        || special.isStop(id)
                        || special.eos().equals(OptionalInt.of(id));
        if (ends) {
            return false;
        }
        int length = ids[row].length;
        ids[row] = Arrays.copyOf(ids[row], length + 1);
        ids[row][length] = id;
        boolean hasRoom = length + 1 < Math.min(maxPositions, prompt + mostTokens);
        return hasRoom && tokenizer.decode(new int[] {id}).indexOf('\n') < 0;
    }

    private static List<Integer> open(boolean[] done) {
        List<Integer> open = new ArrayList<>();
        for (int row = 0; row < done.length; row++) {
            if (!done[row]) {
                open.add(row);
            }
        }
        return open;
    }

    private String text(int[] ids) {
        String all = tokenizer.decode(ids);
        int end = all.indexOf('\n');
        return (end < 0 ? all : all.substring(0, end)).strip();
    }
}
