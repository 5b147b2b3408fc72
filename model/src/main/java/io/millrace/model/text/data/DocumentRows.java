package io.millrace.model.text.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.Example;
import io.millrace.model.text.row.DataLine;
import java.util.Arrays;

/** Running text: a document a row, or a line of a file of text. */
final class DocumentRows implements ExampleMaker {
    private final Making making;

    DocumentRows(Making making) {
        this.making = making;
    }

    @Override
    public void add(DataLine row) {
        addDocument(row.where(), row.text("text"));
    }

    void addDocument(String where, String text) {
        int[] ids = making.encoded(where, DataLine.checkedText(where, "text", text), true);
        if (making.options().pack()) {
            IntSequence stream = making.gathered().stream();
            stream.addAll(ids);
            making.tokenizer()
                    .special()
                    .eos()
                    .ifPresent(eos -> {
                        if (stream.size() > 0 && stream.last() != eos) {
                            stream.add(eos);
                        }
                    });
            return;
        }
        if (ids.length < 2) {
            throw new BadInputException(
                    where,
                    "field 'text' is too short: of a single token nothing is scored",
                    "remove the row or pack the text");
        }
        int length = Math.min(ids.length, making.options().seqLen());
        making.gathered().add(Example.scoringAll(Arrays.copyOf(ids, length)), ids.length - length);
    }
}
