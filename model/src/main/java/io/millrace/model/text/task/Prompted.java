package io.millrace.model.text.task;

import java.util.List;
import java.util.stream.IntStream;

/**
 * What a row asks of a model that goes on with a text. Spaces at the ends of prompt and wholes are
 * cut; line ends stay.
 *
 * @param prompt what stands before the answer
 * @param wholes prompt and answer as one text: one for each candidate, or the right one alone
 * @param right the candidates that are right, of which the first is trained on
 * @param answers what is right where the model writes by itself; empty where it chooses
 */
public record Prompted(
        String prompt, List<String> wholes, List<Integer> right, List<String> answers) {

    /** Cuts spaces and freezes the lists. */
    public Prompted {
        prompt = cut(prompt);
        wholes = wholes.stream().map(Prompted::cut).toList();
        right = List.copyOf(right);
        answers = List.copyOf(answers);
    }

    /** A choice among words that follow the prompt as they are. */
    public static Prompted choice(String prompt, List<String> words, int label) {
        return choice(prompt, words, List.of(label));
    }

    /** The same with several right ones. */
    public static Prompted choice(String prompt, List<String> words, List<Integer> right) {
        List<String> wholes = words.stream().map(prompt::concat).toList();
        return new Prompted(prompt, wholes, right, List.of());
    }

    /** An answer that the model writes, of which the first right one is trained on. */
    public static Prompted answer(String prompt, List<String> answers) {
        String whole = prompt + " " + answers.getFirst() + "\n";
        return new Prompted(prompt, List.of(whole), List.of(0), answers);
    }

    /** Prompt and right answer, as a demonstration shows it. */
    public String demonstration() {
        return wholes.get(right.getFirst()).strip();
    }

    private static String cut(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && text.charAt(from) == ' ') {
            from++;
        }
        while (to > from && text.charAt(to - 1) == ' ') {
            to--;
        }
        return text.substring(from, to);
    }

    /** How many candidates there are. */
    public int candidates() {
        return wholes.size();
    }

    /** The places at which a text is one of some candidates. */
    public static List<Integer> places(List<String> candidates, List<String> right) {
        return right.stream()
                .flatMap(one ->
                        IntStream.range(0, candidates.size())
                                .filter(i -> candidates.get(i).equals(one))
                                .limit(1)
                                .boxed())
                .toList();
    }
}
