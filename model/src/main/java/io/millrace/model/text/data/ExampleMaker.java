package io.millrace.model.text.data;

import io.millrace.model.text.row.DataLine;

/** Makes examples of the rows of one kind. */
@FunctionalInterface
interface ExampleMaker {
    /**
     * Takes a row; what it makes is added at once or not at all.
     *
     * @throws io.millrace.memory.BadInputException when it cannot be used
     */
    void add(DataLine row);
}
