package io.millrace.model.text.task.masked;

import io.millrace.model.text.task.MaskTask;
import java.util.List;

/** A sentence of a review and what it was: {@code <sentence> It was<mask>.} */
final class Review {
    /** The most tokens of a sentence where the published runs cut it. */
    static final int MOST = 110;

    private Review() {}

    static List<MaskTask.Piece> pieces(String sentence, int most) {
        return List.of(
                new MaskTask.Piece(sentence, most),
                MaskTask.Piece.of(" It was"),
                MaskTask.Piece.MASK,
                MaskTask.Piece.of("."));
    }
}
