package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** BoolQ: a question about a passage that is answered by yes or no. */
public final class BoolqTask implements PromptTask {
    private static final List<String> WORDS = List.of("Yes", "No");

    @Override
    public String name() {
        return "boolq";
    }

    @Override
    public String dataSet() {
        return "boolq";
    }

    @Override
    public Prompted of(DataLine row) {
        String asked = row.text("question");
        String question = asked.endsWith("?") ? asked : asked + "?";
        int first = question.offsetByCodePoints(0, 1);
        String prompt =
                row.text("passage")
                        + " "
                        + question.substring(0, first).toUpperCase(Locale.ROOT)
                        + question.substring(first)
                        + "\n";
        // SuperGLUE's own file calls the answer a label.
        int yes = row.label(row.has("answer") ? "answer" : "label", 2, List.of("False", "True"));
        return Prompted.choice(prompt, WORDS, 1 - yes);
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("passage", "{passage}", "question", "{Question}", "answer", true);
    }
}
