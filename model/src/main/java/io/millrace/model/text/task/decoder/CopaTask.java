package io.millrace.model.text.task.decoder;

import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** COPA of SuperGLUE: which of two sentences is a premise's cause, or its effect? */
public final class CopaTask implements PromptTask {
    @Override
    public String name() {
        return "copa";
    }

    @Override
    public String dataSet() {
        return "super_glue/copa";
    }

    @Override
    public boolean classifies() {
        return false;
    }

    @Override
    public int heldOut() {
        return 100;
    }

    @Override
    public Prompted of(DataLine row) {
        String premise = row.text("premise").stripTrailing();
        String said = premise.endsWith(".") ? premise.substring(0, premise.length() - 1) : premise;
        String prompt =
                said
                        + switch (row.text("question")) {
                            case "effect" -> " so ";
                            case "cause" -> " because ";
                            default ->
                                    throw row.bad(
                                            "question",
                                            "is neither 'cause' nor 'effect'",
                                            "write one of them");
                        };
        List<String> choices = List.of(row.text("choice1"), row.text("choice2"));
        return Prompted.choice(
                prompt,
                choices.stream().map(CopaTask::withinSentence).toList(),
                row.label("label", choices.size(), List.of()));
    }

    /** The first word begins no sentence any more. */
    private static String withinSentence(String choice) {
        int end = choice.indexOf(' ');
        String first = end < 0 ? choice : choice.substring(0, end);
        return first.equals("I")
                ? choice
                : first.toLowerCase(Locale.ROOT) + choice.substring(first.length());
    }

    @Override
    public Map<String, Object> placeholders() {
        return Map.of(
                "premise",
                "{premise}",
                "question",
                "cause",
                "choice1",
                "{choice1}",
                "choice2",
                "{choice2}",
                "label",
                0L);
    }
}
