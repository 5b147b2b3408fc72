package io.millrace.model.text.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.row.DataLine;
import java.util.ArrayList;
import java.util.List;

/** Rows that were left out because they cannot be used. */
public final class SkippedRows {
    private static final int NAMED = 3;

    private final boolean allowed;
    private final List<String> first = new ArrayList<>();
    private long count;

    SkippedRows(boolean allowed) {
        this.allowed = allowed;
    }

    /** Takes note of a bad row. */
    void refuse(BadInputException fault) {
        if (!allowed) {
            throw fault;
        }
        count++;
        if (first.size() < NAMED) {
            first.add(fault.getMessage());
        }
    }

    /** Takes note where the fault is a row's; what is wrong with an option is no row's. */
    void refuse(DataLine row, BadInputException fault) {
        if (!String.valueOf(fault.getMessage()).startsWith(row.where() + ": ")) {
            throw fault;
        }
        refuse(fault);
    }

    /** How many there are. */
    public long count() {
        return count;
    }

    /** What is wrong with the first three. */
    public List<String> first() {
        return List.copyOf(first);
    }

    /** All of it in one line. */
    String line() {
        return count
                + (count == 1 ? " row was" : " rows were")
                + " left out: "
                + String.join(" | ", first)
                + (count > NAMED ? " | ..." : "");
    }
}
