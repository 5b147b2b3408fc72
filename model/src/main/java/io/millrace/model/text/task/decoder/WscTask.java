package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** WSC of SuperGLUE: does a pronoun stand for a noun? */
public final class WscTask implements PromptTask {
    private static final List<String> WORDS = List.of("No", "Yes");

    @Override
    public String name() {
        return "wsc";
    }

    @Override
    public String dataSet() {
        return "super_glue/wsc.fixed";
    }

    /** The first publication keeps both spans under {@code target}. */
    @Override
    public List<DataLine> unfold(DataLine row) {
        return List.of(row.has("target") ? row.with(row.inner("target").object().fields()) : row);
    }

    @Override
    public Prompted of(DataLine row) {
        String prompt =
                row.text("text")
                        + "\nIn the previous sentence, does the pronoun \""
                        + row.text("span2_text").toLowerCase(Locale.ROOT)
                        + "\" refer to "
                        + row.text("span1_text")
                        + "? Yes or No?\n";
        return Prompted.choice(prompt, WORDS, row.label("label", WORDS.size(), List.of()));
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of(
                "text",
                "{text}",
                "span1_text",
                "{span1_text}",
                "span2_text",
                "{span2_text}",
                "label",
                0L);
    }
}
