package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.List;
import java.util.Map;

/** RTE of SuperGLUE: does one text follow from another? */
public final class RteTask implements PromptTask {
    private static final List<String> LABELS = List.of("entailment", "not_entailment");
    private static final List<String> WORDS = List.of("Yes", "No");

    @Override
    public String name() {
        return "rte";
    }

    @Override
    public String dataSet() {
        return "super_glue/rte";
    }

    @Override
    public Prompted of(DataLine row) {
        String prompt =
                row.text("premise")
                        + "\nDoes this mean that \""
                        + row.text("hypothesis")
                        + "\" is true? Yes or No?\n";
        return Prompted.choice(prompt, WORDS, row.label("label", WORDS.size(), LABELS));
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("premise", "{premise}", "hypothesis", "{hypothesis}", "label", 0L);
    }
}
