package io.millrace.model.text.shape;

import io.millrace.memory.BadInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A prompt with fields of a line in it.
 *
 * @param parts literal text and fields, in order
 */
public record Template(List<Part> parts) {

    /** Some literal text, or a field's name. */
    public record Part(String text, boolean isField) {}

    /** Freezes the list. */
    public Template {
        parts = List.copyOf(parts);
    }

    /**
     * Takes a template apart.
     *
     * @throws BadInputException when it is none
     */
    public static Template parse(String template) {
        List<Part> parts = new ArrayList<>();
        StringBuilder literal = new StringBuilder();
        int at = 0;
        while (at < template.length()) {
            char c = template.charAt(at);
            boolean brace = c == '{' || c == '}';
            if (brace && at + 1 < template.length() && template.charAt(at + 1) == c) {
                literal.append(c);
                at += 2;
            } else if (c == '{') {
                int end = template.indexOf('}', at);
                String field = end < 0 ? "" : template.substring(at + 1, end);
                if (field.isEmpty() || field.contains("{")) {
                    throw bad("has a '{' at character " + (at + 1) + " that opens no field");
                }
                parts.add(new Part(literal.toString(), false));
                literal.setLength(0);
                parts.add(new Part(field, true));
                at = end + 1;
            } else if (c == '}') {
                throw bad("has a '}' at character " + (at + 1) + " that closes nothing");
            } else {
                literal.append(c);
                at++;
            }
        }
        parts.add(new Part(literal.toString(), false));
        if (parts.stream().noneMatch(Part::isField)) {
            throw bad("names no field of the data");
        }
        return new Template(parts);
    }

    /** The prompt of a line, given the value of each field. */
    public String fill(UnaryOperator<String> field) {
        StringBuilder prompt = new StringBuilder();
        for (Part part : parts) {
            prompt.append(part.isField() ? field.apply(part.text()) : part.text());
        }
        return prompt.toString();
    }

    private static BadInputException bad(String what) {
        return new BadInputException(
                "--template", what, "write it like '{text} It was'; '{{' is a brace itself");
    }
}
