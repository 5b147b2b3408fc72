package io.millrace.model.text.jinja;

import java.util.ArrayList;
import java.util.List;

/** What a template has written so far. */
final class Output {
    private final StringBuilder text = new StringBuilder();
    private final List<ChatTemplate.Span> generated = new ArrayList<>();
    private final boolean isWhole;

    /**
     * Nothing yet.
     *
     * @param isWhole whether this is the template's own text, and not that of a macro or a body
     */
    Output(boolean isWhole) {
        this.isWhole = isWhole;
    }

    void write(String part) {
        text.append(part);
        PyText.requireBounded(text.length());
    }

    int length() {
        return text.length();
    }

    /** Notes that the model is to write what stands from here on. */
    void generatedFrom(int start) {
        if (!isWhole) {
            throw new TemplateException("has a generation block within a macro or another block");
        }
        generated.add(new ChatTemplate.Span(start, text.length()));
    }

    List<ChatTemplate.Span> generated() {
        return generated;
    }

    String text() {
        return text.toString();
    }
}
