package io.millrace.model.text.row;

import java.io.IOException;
import java.util.List;

/** A format of data files that have rows of named fields. */
public interface RowFormat {
    /** The name, for people. */
    String name();

    /** Endings of its files' names, each with its dot, in lower case. */
    List<String> endings();

    /** What is to be known of it, in half a line. */
    String about();

    /**
     * Reads all rows of a file.
     *
     * @param input the file
     * @param layout how its fields are told apart, where the format leaves that open
     * @param taker takes each row
     * @throws io.millrace.memory.BadInputException when the file is not of this format
     * @throws IOException when it cannot be read
     */
    void read(RowInput input, TableLayout layout, RowTaker taker) throws IOException;
}
