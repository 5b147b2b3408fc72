package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.List;
import java.util.Map;

/** WiC of SuperGLUE: has a word the same meaning in two sentences? */
public final class WicTask implements PromptTask {
    private static final List<String> WORDS = List.of("No", "Yes");

    @Override
    public String name() {
        return "wic";
    }

    @Override
    public String dataSet() {
        return "super_glue/wic";
    }

    @Override
    public Prompted of(DataLine row) {
        String prompt =
                "Does the word \""
                        + row.text("word")
                        + "\" have the same meaning in these two sentences? Yes, No?\n"
                        + row.text("sentence1")
                        + "\n"
                        + row.text("sentence2")
                        + "\n";
        return Prompted.choice(prompt, WORDS, row.label("label", WORDS.size(), List.of()));
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of(
                "word",
                "{word}",
                "sentence1",
                "{sentence1}",
                "sentence2",
                "{sentence2}",
                "label",
                0L);
    }
}
