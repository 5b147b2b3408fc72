package io.millrace.model.text.task;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.TableLayout;
import java.util.List;
import java.util.Map;

/** A task of a paper: a data set, what its rows ask, and how answers are judged. */
public sealed interface Task permits PromptTask, MaskTask {
    /** The name on the command line. */
    String name();

    /** The data set whose files it reads, as the hub names it. */
    String dataSet();

    /** Tokens that the paper's sequences have at most. */
    int seqLen();

    /** What the paper reports. */
    TaskMetric metric();

    /** How its tables are laid out, where its files are tables. */
    default TableLayout layout(String fileName) {
        return TableLayout.USUAL;
    }

    /**
     * The rows of one row of a file: where a data set's first publication nests several questions
     * under a text, each of them; else the row itself.
     */
    default List<DataLine> unfold(DataLine row) {
        return List.of(row);
    }

    /** A row whose fields hold their own names in braces: what the documentation shows. */
    Map<String, Object> placeholders();
}
