package io.millrace.model.text.jinja;

import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;

/** A chat template, read once and rendered for any number of conversations. */
public final class ChatTemplate {
    private final List<Statement> statements;

    private ChatTemplate(List<Statement> statements) {
        this.statements = statements;
    }

    /**
     * A part of what was rendered.
     *
     * @param start index of its first UTF-16 unit
     * @param end index behind its last
     */
    public record Span(int start, int end) {}

    /**
     * What was rendered.
     *
     * @param text all of it
     * @param generated the parts that the template marks with generation blocks, in order
     */
    public record Rendered(String text, List<Span> generated) {

        /** Freezes the list. */
        public Rendered {
            generated = List.copyOf(generated);
        }
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException when it is malformed, or uses what is not known
     */
    public static ChatTemplate parse(String template) {
        return new ChatTemplate(TemplateParser.parse(template));
    }

    /**
     * Renders it.
     *
     * @param variables values as {@link io.millrace.telemetry.json.Json} makes them, by name; a
     *     name without a value is undefined there
     * @param now the time that the template may ask for
     * @throws TemplateException when the template refuses the variables, or cannot go on
     */
    public Rendered render(Map<String, ?> variables, LocalDateTime now) {
        Output out = new Output(true);
        try {
            new StatementRunner().render(statements, variables, now, out);
        } catch (StackOverflowError e) {
            // A chain of a hundred thousand filters reads as a list, and nests as a tree.
            throw new TemplateException("nests too deep");
        }
        return new Rendered(out.text(), out.generated());
    }
}
