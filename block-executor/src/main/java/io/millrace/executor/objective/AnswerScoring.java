package io.millrace.executor.objective;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.StepBatch;
import io.millrace.memory.BadInputException;
import io.millrace.model.text.DataKind;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.model.text.Question;
import io.millrace.model.text.SpecialTokens;
import io.millrace.model.text.Tokenizer;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.objective.AnswerObjective;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * What is made of greedy answers to prompts (MeZO, arXiv 2305.17333, section 3.3). A prompt is what
 * stands before an example's scored tokens, and those are its right answer. The model goes on from
 * the prompt by its likeliest token until an end mark or a line feed, which are no part of the
 * answer, or the most tokens.
 *
 * <p>A token of all answers is one pass over the model, prompts, scales and queries together. Every
 * scale writes text of its own, so each is a query that sees sequences of its own; keys and values
 * are not kept, and a pass goes through all tokens so far.
 */
final class AnswerScoring implements Scoring {
    private final AnswerObjective objective;
    private final List<Example> examples;
    private final List<int[]> prompts;
    private final List<List<String>> right;
    private final List<Example> sequences;
    private final int longest;
    private final int examplesEach;
    private final int maxPositions;
    private final Tokenizer tokenizer;
    private final Map<Integer, Boolean> lineFeeds = new HashMap<>();
    private final ChoiceSink sink = new ChoiceSink();

    private AnswerScoring(
            AnswerObjective objective,
            Dataset data,
            List<int[]> prompts,
            int examplesEach,
            int maxPositions,
            Tokenizer tokenizer) {
        this.objective = objective;
        examples = data.examples();
        longest = data.maxLength();
        this.prompts = prompts;
        this.examplesEach = examplesEach;
        this.maxPositions = maxPositions;
        this.tokenizer = tokenizer;
        right = rightAnswers(data, prompts, tokenizer);
        sequences = new ArrayList<>(examples);
        for (Question question : data.questions()) {
            for (String answer : question.right()) {
                int[] ids = tokenizer.encode(answer, false);
                sequences.add(Example.scoringAll(ids.length == 0 ? new int[1] : ids));
            }
        }
    }

    /** The answers that a task names, or what stands behind the prompt. */
    private static List<List<String>> rightAnswers(
            Dataset data, List<int[]> prompts, Tokenizer tokenizer) {
        if (!data.questions().isEmpty()) {
            return data.questions().stream().map(Question::right).toList();
        }
        List<List<String>> right = new ArrayList<>(prompts.size());
        for (int i = 0; i < prompts.size(); i++) {
            int[] ids = data.examples().get(i).ids();
            int[] answer = Arrays.copyOfRange(ids, prompts.get(i).length, ids.length);
            right.add(List.of(tokenizer.decode(answer).strip()));
        }
        return right;
    }

    /**
     * The prompts of a dataset and their right answers.
     *
     * @throws BadInputException where it has none
     */
    static List<Question> questions(Dataset data, Path file, Tokenizer tokenizer) {
        if (!data.questions().isEmpty()) {
            return data.questions();
        }
        List<int[]> prompts = prompts(data, file);
        List<List<String>> right = rightAnswers(data, prompts, tokenizer);
        List<Question> questions = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            questions.add(new Question(prompts.get(i), right.get(i)));
        }
        return questions;
    }

    static Scoring of(AnswerObjective objective, Dataset data, int examplesEach, Place place) {
        List<int[]> prompts = prompts(data, place.file());
        Tokenizer tokenizer = place.tokenizer();
        try {
            return new AnswerScoring(
                    objective, data, prompts, examplesEach, place.maxPositions(), tokenizer);
        } catch (RuntimeException | Error e) {
            tokenizer.close();
            throw e;
        }
    }

    private static List<int[]> prompts(Dataset data, Path file) {
        List<int[]> prompts = new ArrayList<>();
        for (Example example : data.examples()) {
            int length = example.inPlace() ? 0 : promptLength(example);
            if (isRunningText(data.kind()) || length < 1) {
                throw new BadInputException(
                        file.toString(),
                        "has no prompts to answer",
                        "give {\"prompt\", \"completion\"} rows, or ask for the loss");
            }
            prompts.add(Arrays.copyOf(example.ids(), length));
        }
        return prompts;
    }

    private static boolean isRunningText(DataKind kind) {
        return kind == DataKind.PLAIN_TEXT || kind == DataKind.DOCUMENTS;
    }

    /** Tokens before those that are scored, of which there is one stretch at the end; else 0. */
    private static int promptLength(Example example) {
        int[] labels = example.labels();
        int length = labels.length;
        while (length > 1 && labels[length - 1] != Example.NOT_SCORED) {
            length--;
        }
        boolean isTail = labels.length - length == example.scoredTokens();
        return isTail && length < labels.length ? length : 0;
    }

    @Override
    public StepBatch batch(int... indices) {
        return new AnswerBatch(indices);
    }

    @Override
    public int examples() {
        return examples.size();
    }

    @Override
    public List<Example> sequences() {
        return sequences;
    }

    @Override
    public int sequencesEach() {
        return 1;
    }

    @Override
    public int longest() {
        int prompt = prompts.stream().mapToInt(ids -> ids.length).max().orElse(0);
        // The last token of an answer is not read again.
        return Math.max(longest, longestOf(prompt) - 1);
    }

    /** Tokens of a prompt and its longest answer. */
    private int longestOf(int prompt) {
        return (int) Math.min(maxPositions, (long) prompt + objective.maxNewTokens());
    }

    @Override
    public void close() {
        tokenizer.close();
    }

    private boolean isEnd(int id) {
        SpecialTokens special = tokenizer.special();
        return special.isStop(id) || special.eos().equals(OptionalInt.of(id));
    }

    private boolean hasLineFeed(int id) {
        return lineFeeds.computeIfAbsent(
                id, one -> tokenizer.decode(new int[] {one}).indexOf('\n') >= 0);
    }

    private String text(int[] ids) {
        String all = tokenizer.decode(ids);
        int end = all.indexOf('\n');
        return (end < 0 ? all : all.substring(0, end)).strip();
    }

    private final class AnswerBatch implements StepBatch {
        private final int[] asked;

        private AnswerBatch(int[] asked) {
            this.asked = asked;
        }

        @Override
        public int tokens() {
            return Arrays.stream(asked).map(index -> prompts.get(index).length).sum();
        }

        @Override
        public long weight() {
            return asked.length;
        }

        @Override
        public List<double[]> values(List<Query> queries, Passes passes) {
            List<List<Answers>> all = new ArrayList<>();
            for (Query query : queries) {
                all.add(
                        query.scales().stream()
                                .map(scale -> new Answers(new Query(query.seed(), List.of(scale))))
                                .toList());
            }
            List<Answers> open = all.stream().flatMap(List::stream).toList();
            while (!open.isEmpty()) {
                ask(open, passes);
                open = open.stream().filter(Answers::isOpen).toList();
            }
            return ScaleValues.of(queries, (query, scale) -> all.get(query).get(scale).value());
        }

        /** One more token of each answer. */
        private void ask(List<Answers> open, Passes passes) {
            sink.prepare(open.size(), asked.length);
            passes.run(
                    open.stream().map(answers -> answers.query).toList(),
                    open.stream().map(Answers::microBatches).toList(),
                    sink);
            for (int query = 0; query < open.size(); query++) {
                open.get(query).take(query);
            }
        }

        /** What one scale of a query has written so far. */
        private final class Answers {
            private final Query query;
            private final int[][] ids = new int[asked.length][];
            private final boolean[] done = new boolean[asked.length];
            private boolean lost;

            private Answers(Query query) {
                this.query = query;
                for (int row = 0; row < asked.length; row++) {
                    ids[row] = prompts.get(asked[row]);
                }
            }

            private boolean isOpen() {
                for (boolean one : done) {
                    if (!one && !lost) {
                        return true;
                    }
                }
                return false;
            }

            private List<MicroBatch> microBatches() {
                List<int[]> open = new ArrayList<>();
                for (int row = 0; row < asked.length; row++) {
                    if (!done[row]) {
                        open.add(ids[row]);
                    }
                }
                return MicroBatches.continuing(open, examplesEach);
            }

            private void take(int place) {
                int at = 0;
                for (int row = 0; row < asked.length; row++) {
                    if (!done[row]) {
                        take(row, sink.of(place, at++));
                    }
                }
            }

            private void take(int row, int id) {
                if (id == HeadSink.NO_CHOICE) {
                    lost = true;
                } else if (isEnd(id)) {
                    done[row] = true;
                } else {
                    int length = ids[row].length;
                    ids[row] = Arrays.copyOf(ids[row], length + 1);
                    ids[row][length] = id;
                    int longest = longestOf(prompts.get(asked[row]).length);
                    done[row] = length + 1 >= longest || hasLineFeed(id);
                }
            }

            private double value() {
                if (lost) {
                    return Double.NaN;
                }
                double sum = 0;
                for (int row = 0; row < asked.length; row++) {
                    int from = prompts.get(asked[row]).length;
                    String answer = text(Arrays.copyOfRange(ids[row], from, ids[row].length));
                    sum += objective.of(answer, right.get(asked[row]));
                }
                return sum / asked.length;
            }
        }
    }
}
