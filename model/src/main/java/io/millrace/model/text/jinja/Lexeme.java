package io.millrace.model.text.jinja;

/**
 * A piece of a template.
 *
 * @param kind what it is
 * @param text literal text; a name, an operator, a string's value, or a number's digits
 * @param line where it begins, from 1
 */
record Lexeme(Kind kind, String text, int line) {

    /** What a piece is. */
    enum Kind {
        /** Text outside of tags. */
        DATA,
        /** An opening of two braces. */
        OUTPUT_BEGIN,
        /** Two closing braces. */
        OUTPUT_END,
        /** An opening brace and a percent sign. */
        BLOCK_BEGIN,
        /** A percent sign and a closing brace. */
        BLOCK_END,
        /** A name or a keyword. */
        NAME,
        /** A string, its escapes resolved. */
        STRING,
        /** An integer. */
        INTEGER,
        /** A number with a point or an exponent. */
        FLOAT,
        /** An operator or a bracket. */
        OPERATOR,
        /** The end of the template. */
        END
    }

    boolean isOperator(String operator) {
        return kind == Kind.OPERATOR && text.equals(operator);
    }

    boolean isName(String name) {
        return kind == Kind.NAME && text.equals(name);
    }
}
