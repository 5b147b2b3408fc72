package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * MultiRC of SuperGLUE: is an answer to a question about a text right? Every pair of question and
 * answer counts by itself.
 */
public final class MultircTask implements PromptTask {
    private static final List<String> WORDS = List.of("No", "Yes");

    @Override
    public String name() {
        return "multirc";
    }

    @Override
    public String dataSet() {
        return "super_glue/multirc";
    }

    /** The first publication nests questions under a passage, and answers under questions. */
    @Override
    public List<DataLine> unfold(DataLine row) {
        if (!row.has("passage")) {
            return List.of(row);
        }
        List<DataLine> rows = new ArrayList<>();
        DataLine passage = row.inner("passage");
        for (DataLine question : passage.inners("questions")) {
            for (DataLine answer : question.inners("answers")) {
                rows.add(
                        answer.with(
                                Map.of(
                                        "paragraph",
                                        passage.text("text"),
                                        "question",
                                        question.text("question"),
                                        "answer",
                                        answer.text("text"))));
            }
        }
        return rows;
    }

    @Override
    public Prompted of(DataLine row) {
        String prompt =
                row.text("paragraph")
                        + "\nQuestion: "
                        + row.text("question")
                        + "\nI found this answer \""
                        + row.text("answer")
                        + "\". Is that correct? Yes or No?\n";
        return Prompted.choice(prompt, WORDS, row.label("label", WORDS.size(), List.of()));
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of(
                "paragraph",
                "{paragraph}",
                "question",
                "{question}",
                "answer",
                "{answer}",
                "label",
                0L);
    }
}
