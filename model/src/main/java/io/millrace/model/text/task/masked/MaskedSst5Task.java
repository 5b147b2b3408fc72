package io.millrace.model.text.task.masked;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.TableLayout;
import io.millrace.model.text.task.MaskTask;
import java.util.List;
import java.util.Map;

/** SST-5: how good is a sentence of a film review, from 0 to 4? */
public final class MaskedSst5Task implements MaskTask {
    @Override
    public String name() {
        return "sst5";
    }

    @Override
    public String dataSet() {
        return "SetFit/sst5";
    }

    /** LM-BFF's tables have no line of names. */
    @Override
    public TableLayout layout(String fileName) {
        return fileName.contains(".csv")
                ? new TableLayout(List.of("label", "text"), true)
                : TableLayout.USUAL;
    }

    @Override
    public List<String> words() {
        return List.of(" terrible", " bad", " okay", " good", " great");
    }

    @Override
    public List<Piece> pieces(DataLine row) {
        return Review.pieces(row.text("text"), Review.MOST);
    }

    @Override
    public int label(DataLine row) {
        return row.label("label", words().size(), List.of());
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("text", "{text}", "label", 0L);
    }
}
