package io.millrace.model.program;

/** What the logits of a row are of. */
public enum Answers {
    /** The id of the token behind it: a decoder. */
    NEXT,
    /** The id that stands, or should stand, in its own place: a masked language model. */
    IN_PLACE,
    /** At a sequence's first token, the label of all of it: an encoder that classifies. */
    FIRST,
    /** At a sequence's last token, the label of all of it: a decoder that classifies. */
    LAST;

    /** Whether the answer to a row is a label of the same row, and not of the one behind it. */
    public boolean isInPlace() {
        return this != NEXT;
    }

    /** Whether a sequence has one answer. */
    public boolean isOfTexts() {
        return this == FIRST || this == LAST;
    }
}
