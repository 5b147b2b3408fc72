package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.List;
import java.util.Map;

/** CommitmentBank of SuperGLUE: does a text's writer hold a clause to be so? */
public final class CbTask implements PromptTask {
    private static final List<String> LABELS = List.of("entailment", "contradiction", "neutral");
    private static final List<String> WORDS = List.of("Yes", "No", "Maybe");

    @Override
    public String name() {
        return "cb";
    }

    @Override
    public String dataSet() {
        return "super_glue/cb";
    }

    @Override
    public int heldOut() {
        return 100;
    }

    @Override
    public Prompted of(DataLine row) {
        String prompt =
                "Suppose "
                        + row.text("premise")
                        + " Can we infer that \""
                        + row.text("hypothesis")
                        + "\"? Yes, No, or Maybe?\n";
        return Prompted.choice(prompt, WORDS, row.label("label", WORDS.size(), LABELS));
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("premise", "{premise}", "hypothesis", "{hypothesis}", "label", 0L);
    }
}
