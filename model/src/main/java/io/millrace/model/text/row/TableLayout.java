package io.millrace.model.text.row;

import java.util.List;

/**
 * What a table does not say of itself.
 *
 * @param header names of its columns; where empty, the first line has them
 * @param quotes whether a field may stand in quotes; if not, a quote is a character like others
 */
public record TableLayout(List<String> header, boolean quotes) {
    /** A first line with names, and fields that may be quoted. */
    public static final TableLayout USUAL = new TableLayout(List.of(), true);

    /** GLUE's: a first line with names, and no quotes. */
    public static final TableLayout PLAIN = new TableLayout(List.of(), false);

    /** Freezes the list. */
    public TableLayout {
        header = List.copyOf(header);
    }
}
