package io.millrace.model.text;

import io.millrace.telemetry.json.JsonObject;
import java.util.Optional;

/** What one line of a data file holds. */
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

    /** The kind of a line, by the fields it has. */
    static Optional<DataKind> of(JsonObject line) {
        if (line.fields().containsKey("input_ids")) {
            return Optional.of(TOKENS);
        }
        if (line.fields().containsKey("messages")) {
            return Optional.of(CHAT);
        }
        if (line.fields().containsKey("prompt") || line.fields().containsKey("completion")) {
            return Optional.of(COMPLETION);
        }
        if (line.fields().containsKey("label")) {
            return Optional.of(CLASSIFICATION);
        }
        return line.fields().containsKey("text") ? Optional.of(DOCUMENTS) : Optional.empty();
    }
}
