package io.millrace.model.text.row;

import io.millrace.memory.BadInputException;
import java.util.List;

/** One JSON object a line. Blank lines are skipped. */
final class JsonLines implements RowFormat {
    @Override
    public String name() {
        return "JSON Lines";
    }

    @Override
    public List<String> endings() {
        return List.of(".jsonl", ".ndjson");
    }

    @Override
    public String about() {
        return "an object a line; also what any other name, or a pipe, is taken for";
    }

    @Override
    public void read(RowInput input, TableLayout layout, RowTaker taker) {
        input.read(in ->
                Utf8Lines.forEach(
                        input.file(), in, (number, line, _) -> take(input, number, line, taker)));
    }

    static void take(RowInput input, int number, String line, RowTaker taker) {
        if (line.isBlank()) {
            return;
        }
        DataLine row;
        try {
            row = DataLine.parse(input.file() + ":" + number, line);
        } catch (BadInputException e) {
            taker.refuse(e);
            return;
        }
        taker.take(row);
    }
}
