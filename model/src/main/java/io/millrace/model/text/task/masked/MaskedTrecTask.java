package io.millrace.model.text.task.masked;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.TableLayout;
import io.millrace.model.text.task.MaskTask;
import java.util.List;
import java.util.Map;

/** TREC: what does a question ask for? */
public final class MaskedTrecTask implements MaskTask {
    /** The hub's numbers, as LM-BFF's. */
    private static final int[] OF_COARSE = {2, 1, 0, 3, 4, 5};

    private static final List<String> COARSE = List.of("ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM");

    @Override
    public String name() {
        return "trec";
    }

    @Override
    public String dataSet() {
        return "trec";
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
        return List.of(" Description", " Entity", " Expression", " Human", " Location", " Number");
    }

    @Override
    public List<Piece> pieces(DataLine row) {
        return List.of(Piece.MASK, Piece.of(":"), new Piece(" " + row.text("text"), Review.MOST));
    }

    @Override
    public int label(DataLine row) {
        return row.has("coarse_label")
                ? OF_COARSE[row.label("coarse_label", OF_COARSE.length, COARSE)]
                : row.label("label", words().size(), List.of());
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("text", "{text}", "label", 0L);
    }
}
