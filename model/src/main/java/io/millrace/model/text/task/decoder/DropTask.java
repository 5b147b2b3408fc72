package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.List;
import java.util.Map;

/** DROP: a question about a passage that wants counting and comparing, answered in words. */
public final class DropTask implements PromptTask {
    @Override
    public String name() {
        return "drop";
    }

    @Override
    public String dataSet() {
        return "drop";
    }

    @Override
    public boolean classifies() {
        return false;
    }

    @Override
    public boolean generates() {
        return true;
    }

    @Override
    public Prompted of(DataLine row) {
        String prompt =
                "Passage: "
                        + row.text("passage")
                        + "\nQuestion: "
                        + row.text("question").strip()
                        + "\nAnswer:";
        return Prompted.answer(prompt, row.inner("answers_spans").texts("spans"));
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of(
                "passage",
                "{passage}",
                "question",
                "{question}",
                "answers_spans",
                Map.of("spans", List.of("{answer}")));
    }
}
