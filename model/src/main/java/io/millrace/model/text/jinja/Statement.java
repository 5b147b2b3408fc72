package io.millrace.model.text.jinja;

import java.util.List;
import java.util.Optional;

/** A part of a template that writes, decides or remembers something. */
sealed interface Statement {

    /** Text as it is. */
    record Text(String text) implements Statement {}

    /** The value of an expression, as text. */
    record Output(Expression value, int line) implements Statement {}

    /**
     * {@code if}, and with {@code elif} another one in {@code otherwise}.
     *
     * @param line where it stands
     */
    record If(Expression test, List<Statement> then, List<Statement> otherwise, int line)
            implements Statement {}

    /**
     * {@code for}.
     *
     * @param names what each element is called, or taken apart into
     * @param only which elements take part
     * @param otherwise what is done when none does
     */
    record For(
            List<String> names,
            Expression elements,
            Optional<Expression> only,
            List<Statement> body,
            List<Statement> otherwise,
            int line)
            implements Statement {}

    /** {@code set a, b = value}. */
    record Set(List<String> names, Expression value, int line) implements Statement {}

    /** {@code set namespace.field = value}. */
    record SetField(String namespace, String field, Expression value, int line)
            implements Statement {}

    /** {@code set name} with a body, whose text it gets, through filters. */
    record SetBody(String name, List<Statement> body, List<Expression.Filter> filters)
            implements Statement {}

    /** {@code filter name} with a body. */
    record FilterBody(List<Expression.Filter> filters, List<Statement> body) implements Statement {}

    /** {@code with a = 1}. */
    record With(List<String> names, List<Expression> values, List<Statement> body)
            implements Statement {}

    /**
     * {@code macro name(parameters)}.
     *
     * @param defaults of the last parameters
     */
    record Macro(
            String name, List<String> parameters, List<Expression> defaults, List<Statement> body)
            implements Statement {}

    /** {@code call macro(…)} with a body, which is the macro's {@code caller}. */
    record CallBody(Expression.Call call, Macro caller) implements Statement {}

    /** {@code generation}: what the model is to write itself. */
    record Generation(List<Statement> body) implements Statement {}

    /** {@code break} or {@code continue}. */
    record Leave(boolean isBreak, int line) implements Statement {}
}
