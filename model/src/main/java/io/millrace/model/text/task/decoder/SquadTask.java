package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** SQuAD 1.1: a question about a paragraph, answered by the model's own words. */
public final class SquadTask implements PromptTask {
    @Override
    public String name() {
        return "squad";
    }

    @Override
    public String dataSet() {
        return "squad";
    }

    @Override
    public boolean classifies() {
        return false;
    }

    @Override
    public boolean generates() {
        return true;
    }

    /** The first publication nests questions under paragraphs, and these under a title. */
    @Override
    public List<DataLine> unfold(DataLine row) {
        if (!row.has("paragraphs")) {
            return List.of(row);
        }
        List<DataLine> rows = new ArrayList<>();
        String title = row.string("title", "");
        for (DataLine paragraph : row.inners("paragraphs")) {
            for (DataLine question : paragraph.inners("qas")) {
                List<String> texts =
                        question.inners("answers").stream().map(one -> one.text("text")).toList();
                rows.add(
                        question.with(
                                Map.of(
                                        "title",
                                        title,
                                        "context",
                                        paragraph.text("context"),
                                        "answers",
                                        Map.of("text", texts))));
            }
        }
        return rows;
    }

    @Override
    public Prompted of(DataLine row) {
        String prompt =
                "Title: "
                        + row.string("title", "")
                        + "\nContext: "
                        + row.text("context")
                        + "\nQuestion: "
                        + row.text("question").strip()
                        + "\nAnswer:";
        return Prompted.answer(prompt, row.inner("answers").texts("text"));
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of(
                "title",
                "{title}",
                "context",
                "{context}",
                "question",
                "{question}",
                "answers",
                Map.of("text", List.of("{answer}")));
    }
}
