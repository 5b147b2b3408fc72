package io.millrace.model.text.task.masked;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.TableLayout;
import io.millrace.model.text.task.MaskTask;
import java.util.List;
import java.util.Map;

/** RTE of GLUE: does a sentence follow from another? */
public final class MaskedRteTask implements MaskTask {
    private static final List<String> LABELS = List.of("entailment", "not_entailment");

    @Override
    public String name() {
        return "rte";
    }

    @Override
    public String dataSet() {
        return "glue/rte";
    }

    @Override
    public int seqLen() {
        return 256;
    }

    @Override
    public TableLayout layout(String fileName) {
        return TableLayout.PLAIN;
    }

    @Override
    public List<String> words() {
        return List.of(" Yes", " No");
    }

    @Override
    public List<Piece> pieces(DataLine row) {
        return Pair.pieces(
                Pair.field(row, "sentence1", "premise"),
                Pair.FIRST_MOST,
                Pair.field(row, "sentence2", "hypothesis"));
    }

    @Override
    public int label(DataLine row) {
        return row.label("label", LABELS.size(), LABELS);
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("sentence1", "{sentence1}.", "sentence2", "{sentence2}", "label", 0L);
    }
}
