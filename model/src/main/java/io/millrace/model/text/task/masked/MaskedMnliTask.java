package io.millrace.model.text.task.masked;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.TableLayout;
import io.millrace.model.text.task.MaskTask;
import java.util.List;
import java.util.Map;

/** MNLI: does a sentence follow from another, contradict it, or neither? */
public final class MaskedMnliTask implements MaskTask {
    @Override
    public String name() {
        return "mnli";
    }

    @Override
    public String dataSet() {
        return "glue/mnli";
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
        return Inference.WORDS;
    }

    @Override
    public List<Piece> pieces(DataLine row) {
        return Pair.pieces(
                Pair.field(row, "premise", "sentence1"),
                Pair.FIRST_MOST,
                Pair.field(row, "hypothesis", "sentence2"));
    }

    @Override
    public int label(DataLine row) {
        return Inference.label(row);
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of("premise", "{premise}.", "hypothesis", "{hypothesis}", "label", 0L);
    }
}
