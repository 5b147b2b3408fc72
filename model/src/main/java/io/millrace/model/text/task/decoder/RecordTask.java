package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** ReCoRD of SuperGLUE: which of a text's entities is meant in a statement about it? */
public final class RecordTask implements PromptTask {
    private static final String GAP = "@placeholder";

    @Override
    public String name() {
        return "record";
    }

    @Override
    public String dataSet() {
        return "super_glue/record";
    }

    @Override
    public boolean classifies() {
        return false;
    }

    /**
     * The first publication nests statements under a passage, and has places of entities in the
     * passage for their names, both ends included.
     */
    @Override
    public List<DataLine> unfold(DataLine row) {
        if (!row.has("qas")) {
            return List.of(row);
        }
        DataLine passage = row.inner("passage");
        String text = passage.text("text");
        List<String> entities =
                passage.inners("entities").stream()
                        .map(place -> cut(place, text))
                        .distinct()
                        .toList();
        List<DataLine> rows = new ArrayList<>();
        for (DataLine question : row.inners("qas")) {
            List<String> answers =
                    question.inners("answers").stream()
                            .map(answer -> answer.text("text"))
                            .distinct()
                            .toList();
            rows.add(
                    question.with(
                            Map.of("passage", text, "entities", entities, "answers", answers)));
        }
        return rows;
    }

    private static String cut(DataLine place, String text) {
        long from = place.object().integer("start");
        long to = place.object().integer("end") + 1;
        int length = text.codePointCount(0, text.length());
        if (from < 0 || from >= to || to > length) {
            throw place.bad("entities", "names no place of the passage", "mend the row");
        }
        return text.substring(
                text.offsetByCodePoints(0, (int) from), text.offsetByCodePoints(0, (int) to));
    }

    @Override
    public Prompted of(DataLine row) {
        String passage = row.text("passage").replace("@highlight\n", "- ");
        String query = row.text("query");
        List<String> entities = row.texts("entities");
        List<String> answers = row.texts("answers");
        List<Integer> right = Prompted.places(entities, answers);
        if (right.size() != answers.size()) {
            throw row.bad("answers", "has one that is no entity", "mend the row, or remove it");
        }
        List<String> statements =
                entities.stream().map(entity -> " " + query.replace(GAP, entity)).toList();
        return Prompted.choice(passage + "\n-", statements, right);
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of(
                "passage",
                "{passage}",
                "query",
                "{query with @placeholder}",
                "entities",
                List.of("{entity}"),
                "answers",
                List.of("{entity}"));
    }
}
