package io.millrace.model.text.data;

import io.millrace.model.text.row.DataLine;
import java.util.List;

/** A prompt and a completion that is scored, as both are written; no end mark is added. */
final class CompletionRows implements ExampleMaker {
    private final Making making;
    private final ScoredText scored;

    CompletionRows(Making making) {
        this.making = making;
        scored = new ScoredText(making);
    }

    @Override
    public void add(DataLine row) {
        List<String> completion = List.of(row.text("completion"));
        String prompt = row.text("prompt");
        Continuations.Made made = scored.of(row, "completion", prompt, completion);
        making.gathered().add(made.examples().getFirst(), made.cut());
    }
}
