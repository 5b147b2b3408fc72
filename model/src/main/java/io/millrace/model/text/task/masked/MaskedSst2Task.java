package io.millrace.model.text.task.masked;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.TableLayout;
import io.millrace.model.text.task.MaskTask;
import java.util.List;
import java.util.Map;

/** SST-2: is a sentence of a film review good or bad? */
public final class MaskedSst2Task implements MaskTask {
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
    public List<String> words() {
        return List.of(" terrible", " great");
    }

    @Override
    public List<Piece> pieces(DataLine row) {
        return Review.pieces(Pair.field(row, "sentence", "text"), Integer.MAX_VALUE);
    }

    @Override
    public int label(DataLine row) {
        return row.label("label", words().size(), List.of());
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("sentence", "{sentence}", "label", 0L);
    }
}
