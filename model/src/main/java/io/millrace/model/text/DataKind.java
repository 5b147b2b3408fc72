package io.millrace.model.text;

/** What one row of a data file holds. */
public enum DataKind {
    /** A {@code .txt} file, one running text. */
    PLAIN_TEXT("running text"),
    /** {@code {"text"}}: a document a line. */
    DOCUMENTS("{\"text\"}"),
    /** {@code {"text", "label"}}, or other string fields that a template names. */
    CLASSIFICATION("{\"text\", \"label\"}"),
    /** {@code {"prompt", "completion"}}, of which the completion is scored. */
    COMPLETION("{\"prompt\", \"completion\"}"),
    /** {@code {"messages"}}: a conversation, of which the assistant's answers are scored. */
    CHAT("{\"messages\"}"),
    /** {@code {"instruction", "output"}}: a task and its answer, which is scored. */
    INSTRUCTION("{\"instruction\", \"output\"}"),
    /** {@code {"prompt", "choices", "answer"}}: candidates of the row's own. */
    CHOICES("{\"prompt\", \"choices\", \"answer\"}"),
    /** Rows of a data set, as a paper's task reads them. */
    TASK("rows of a task"),
    /** {@code {"input_ids", "labels"}}, already tokenised. */
    TOKENS("{\"input_ids\", \"labels\"}");

    private final String shape;

    DataKind(String shape) {
        this.shape = shape;
    }

    /** The fields that tell it, as a person would write them. */
    public String shape() {
        return shape;
    }
}
