package io.millrace.model.text.task.masked;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.MaskTask;
import java.util.List;
import java.util.Locale;

/**
 * Two sentences as one question: {@code <first without its last character>?<mask>, <second with a
 * small letter first>}.
 */
final class Pair {
    /** The most tokens of the first sentence, so that the mask stays within the sequence. */
    static final int FIRST_MOST = 240;

    private Pair() {}

    static List<MaskTask.Piece> pieces(String first, int firstMost, String second) {
        int last = first.offsetByCodePoints(first.length(), -1);
        int begin = second.offsetByCodePoints(0, 1);
        return List.of(
                new MaskTask.Piece(first.substring(0, last), firstMost),
                MaskTask.Piece.of("?"),
                MaskTask.Piece.MASK,
                MaskTask.Piece.of(","),
                MaskTask.Piece.of(
                        " "
                                + second.substring(0, begin).toLowerCase(Locale.ROOT)
                                + second.substring(begin)));
    }

    /** A field under the first of its names that the row has. */
    static String field(DataLine row, String... names) {
        for (String name : names) {
            if (row.has(name)) {
                return row.text(name);
            }
        }
        return row.text(names[0]);
    }
}
