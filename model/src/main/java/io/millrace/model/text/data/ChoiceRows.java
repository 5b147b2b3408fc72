package io.millrace.model.text.data;

import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.shape.ChoiceShapes;
import io.millrace.model.text.shape.RowChoice;
import io.millrace.model.text.task.known.Tasks;
import java.util.OptionalInt;

/** Questions with candidates of a row's own; of the right one its own tokens are scored. */
final class ChoiceRows implements ExampleMaker {
    private final Making making;
    private final ScoredText scored;

    ChoiceRows(Making making) {
        this.making = making;
        scored = new ScoredText(making);
    }

    @Override
    public void add(DataLine row) {
        String task = ChoiceShapes.taskOf(row.object());
        if (!task.isEmpty()) {
            PromptExamples examples = new PromptExamples(making, OptionalInt.empty());
            examples.add(row, Tasks.prompt(task).orElseThrow().of(row));
            return;
        }
        RowChoice choice = ChoiceShapes.of(row);
        if (choice.texts().size() < 2) {
            throw row.bad("choices", "has one candidate alone", "give two or more");
        }
        Continuations.Made made = scored.of(row, "choices", choice.prompt(), choice.texts());
        making.gathered()
                .add(new ClassificationExample(made.examples(), choice.right()), made.cut());
    }
}
