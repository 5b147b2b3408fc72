package io.millrace.model.text.shape;

import io.millrace.model.text.row.DataLine;
import io.millrace.telemetry.json.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * How data sets write a question with candidates of its own: {@code prompt}, {@code choices} and
 * {@code answer} as they are; MMLU's and ARC's {@code question}; HellaSwag's {@code ctx} and {@code
 * endings}; the rows of COPA and ReCoRD. An answer is a number from 0, a letter, one of the
 * candidates, or one of the names that the row gives them.
 */
public final class ChoiceShapes {
    /** A shape: the field that tells it beside the candidates, and how it is read. */
    private record Shape(String prompt, String candidates, Function<DataLine, RowChoice> read) {
        boolean knows(JsonObject row) {
            return row.fields().containsKey(prompt) && row.fields().containsKey(candidates);
        }
    }

    private static final List<Shape> ALL =
            List.of(
                    new Shape("prompt", "choices", row -> read(row, row.text("prompt"), "")),
                    new Shape(
                            "question",
                            "choices",
                            row -> read(row, row.text("question") + "\nAnswer:", " ")),
                    new Shape("ctx", "endings", ChoiceShapes::endings));

    private static final List<List<String>> OF_TASKS =
            List.of(
                    List.of("premise", "choice1", "choice2", "question", "label"),
                    List.of("passage", "query", "entities", "answers"));

    private ChoiceShapes() {}

    /** Whether a row has such a shape. */
    public static boolean knows(JsonObject row) {
        return ALL.stream().anyMatch(shape -> shape.knows(row))
                || OF_TASKS.stream().anyMatch(row.fields().keySet()::containsAll);
    }

    /** The name of the task whose rows these are, or an empty text. */
    public static String taskOf(JsonObject row) {
        if (row.fields().keySet().containsAll(OF_TASKS.get(0))) {
            return "copa";
        }
        return row.fields().keySet().containsAll(OF_TASKS.get(1)) ? "record" : "";
    }

    /** What a row asks. */
    public static RowChoice of(DataLine row) {
        return ALL.stream()
                .filter(shape -> shape.knows(row.object()))
                .findFirst()
                .map(shape -> shape.read().apply(row))
                .orElseThrow(
                        () -> row.bad("choices", "is missing", "give the candidates of every row"));
    }

    private static RowChoice endings(DataLine row) {
        List<String> texts = row.texts("endings");
        return new RowChoice(
                row.text("ctx"),
                texts.stream().map(" "::concat).toList(),
                right(row, "label", texts, List.of()));
    }

    private static RowChoice read(DataLine row, String prompt, String before) {
        // ARC keeps texts and their names side by side.
        boolean named = row.object().raw("choices") instanceof Map<?, ?>;
        DataLine inner = named ? row.inner("choices") : row;
        List<String> texts = inner.texts(named ? "text" : "choices");
        List<String> names = named && inner.has("label") ? inner.texts("label") : List.of();
        String answer = row.has("answer") ? "answer" : row.has("answerKey") ? "answerKey" : "label";
        int right = right(row, answer, texts, names);
        return new RowChoice(prompt, texts.stream().map(before::concat).toList(), right);
    }

    private static int right(DataLine row, String field, List<String> texts, List<String> names) {
        if (row.object().raw(field) instanceof String said) {
            if (names.contains(said)) {
                return names.indexOf(said);
            }
            if (texts.contains(said)) {
                return texts.indexOf(said);
            }
            int letter = said.length() == 1 ? said.charAt(0) - 'A' : -1;
            if (letter >= 0 && letter < texts.size()) {
                return letter;
            }
        }
        return row.label(field, texts.size(), List.of());
    }
}
