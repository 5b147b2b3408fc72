package io.millrace.model.text.row;

import io.millrace.memory.BadInputException;

/** Takes the rows of a file. */
@FunctionalInterface
public interface RowTaker {
    /** A row, in the file's order. */
    void take(DataLine row);

    /** A row that cannot be taken apart; the rows behind it can. */
    default void refuse(BadInputException fault) {
        throw fault;
    }
}
