package io.millrace.model.text.data;

import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.MaskTask;
import java.util.Arrays;
import java.util.List;

/**
 * Rows of a masked model's task as LM-BFF's code encodes them: each piece by itself, behind each
 * other between the model's marks. What is too long loses its end.
 */
final class MaskExamples {
    private final Making making;
    private final MaskTask task;
    private final Asked asked;

    MaskExamples(Making making, MaskTask task) {
        this.making = making;
        this.task = task;
        asked = Asked.of(making.options(), task.words(), making.tokenizer());
    }

    void add(DataLine row) {
        Tokenizer tokenizer = making.tokenizer();
        int[] all = tokenizer.leading();
        int place = -1;
        for (MaskTask.Piece piece : task.pieces(row)) {
            if (piece.equals(MaskTask.Piece.MASK)) {
                place = all.length;
                all = Tokenizer.concat(all, new int[] {asked.maskId()});
            } else {
                int[] ids = making.encoded(row.where(), piece.text(), false);
                all = Tokenizer.concat(all, Arrays.copyOf(ids, Math.min(ids.length, piece.most())));
            }
        }
        all = Tokenizer.concat(all, tokenizer.trailing());
        int most = making.options().seqLen();
        if (place < 0 || place >= most) {
            throw row.bad(
                    "mask",
                    "lies behind the " + most + " tokens of a sequence",
                    "raise --seq-len, shorten the text, or leave such rows out with"
                            + " --skip-bad-rows");
        }
        int[] ids = Arrays.copyOf(all, Math.min(all.length, most));
        int at = place;
        List<Example> candidates =
                asked.words().stream().map(word -> example(ids, at, word)).toList();
        making.gathered()
                .add(
                        new ClassificationExample(candidates, task.label(row)),
                        all.length - ids.length);
    }

    private static Example example(int[] ids, int place, int word) {
        int[] labels = new int[ids.length];
        Arrays.fill(labels, Example.NOT_SCORED);
        labels[place] = word;
        return new Example(ids, labels, true);
    }
}
