package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.TableLayout;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.List;
import java.util.Map;

/** SST-2: is a sentence of a film review good or bad? */
public final class Sst2Task implements PromptTask {
    private static final List<String> WORDS = List.of(" terrible", " great");

    @Override
    public String name() {
        return "sst2";
    }

    @Override
    public String dataSet() {
        return "glue/sst2";
    }

    @Override
    public TableLayout layout(String fileName) {
        return TableLayout.PLAIN;
    }

    @Override
    public Prompted of(DataLine row) {
        int label = row.label("label", WORDS.size(), List.of());
        return Prompted.choice(row.text("sentence").strip() + " It was", WORDS, label);
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("sentence", "{sentence}", "label", 0L);
    }
}
