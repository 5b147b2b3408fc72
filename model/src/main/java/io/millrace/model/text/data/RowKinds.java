package io.millrace.model.text.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.DataKind;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.shape.ChoiceShapes;
import io.millrace.telemetry.json.JsonObject;
import java.util.List;

/** The kinds of rows by the fields that tell them. A new one is a line here. */
final class RowKinds {
    /** In the order in which a row is asked: of two that know it, it is of the first. */
    static final List<RowKind> ALL =
            List.of(
                    new RowKind(DataKind.TOKENS, row -> has(row, "input_ids"), TokenRows::new),
                    new RowKind(
                            DataKind.CHAT,
                            row -> has(row, "messages") || has(row, "conversations"),
                            ChatRows::new),
                    new RowKind(DataKind.CHOICES, ChoiceShapes::knows, ChoiceRows::new),
                    new RowKind(
                            DataKind.INSTRUCTION,
                            row -> has(row, "instruction"),
                            InstructionRows::new),
                    new RowKind(
                            DataKind.COMPLETION,
                            row -> has(row, "prompt") || has(row, "completion"),
                            CompletionRows::new),
                    new RowKind(
                            DataKind.CLASSIFICATION, row -> has(row, "label"), LabelledRows::new),
                    new RowKind(DataKind.DOCUMENTS, row -> has(row, "text"), DocumentRows::new));

    private RowKinds() {}

    private static boolean has(JsonObject row, String field) {
        return row.fields().containsKey(field);
    }

    /** The kind of a row. */
    static RowKind of(DataLine row) {
        return ALL.stream()
                .filter(kind -> kind.knows().test(row.object()))
                .findFirst()
                .orElseThrow(() ->
                        new BadInputException(
                                row.where(),
                                "has none of the fields that say what it is (it has "
                                        + row.object().fields().keySet()
                                        + ")",
                                "name them with --columns: text, label, prompt, completion,"
                                        + " instruction, output, messages, conversations, choices,"
                                        + " answer or input_ids"));
    }
}
