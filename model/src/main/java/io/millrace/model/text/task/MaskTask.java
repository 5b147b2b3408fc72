package io.millrace.model.text.task;

import io.millrace.model.text.row.DataLine;
import java.util.List;

/** A task of a model that is asked for the token at a mask. */
public non-sealed interface MaskTask extends Task {
    /** The word of each label, in the order of the labels. */
    List<String> words();

    /** What stands between the beginning mark and the end mark, encoded piece by piece. */
    List<Piece> pieces(DataLine row);

    /** The label of a row, an index into the words. */
    int label(DataLine row);

    @Override
    default int seqLen() {
        return 128;
    }

    @Override
    default TaskMetric metric() {
        return TaskMetric.ACCURACY;
    }

    /**
     * A piece of a sequence, encoded by itself.
     *
     * @param text its text, empty for the mask
     * @param most the most tokens of it
     */
    record Piece(String text, int most) {
        /** The mask. */
        public static final Piece MASK = new Piece("", Integer.MAX_VALUE);

        /** A text of any length. */
        public static Piece of(String text) {
            return new Piece(text, Integer.MAX_VALUE);
        }
    }
}
