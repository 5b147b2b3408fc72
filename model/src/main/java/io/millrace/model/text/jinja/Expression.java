package io.millrace.model.text.jinja;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A part of a template that has a value. */
sealed interface Expression {

    /** A value as written. */
    record Literal(Object value) implements Expression {}

    /** A variable. */
    record Name(String name) implements Expression {}

    /** {@code [a, b]} or {@code (a, b)}. */
    record Items(List<Expression> items, boolean isTuple) implements Expression {}

    /** <code>{a: b}</code>. */
    record Dict(List<Expression> keys, List<Expression> values) implements Expression {}

    /** {@code of.name}. */
    record Attribute(Expression of, String name) implements Expression {}

    /** {@code of[at]}. */
    record Item(Expression of, Expression at) implements Expression {}

    /** {@code of[from:to:step]}, each of which may be missing. */
    record Slice(
            Expression of,
            Optional<Expression> from,
            Optional<Expression> to,
            Optional<Expression> step)
            implements Expression {}

    /** What a call, a filter or a test is given. */
    record Passed(List<Expression> positional, Map<String, Expression> named) {
        static final Passed NOTHING = new Passed(List.of(), Map.of());
    }

    /** {@code callee(…)}. */
    record Call(Expression callee, Passed passed, int line) implements Expression {}

    /** {@code of | name(…)}. */
    record Filter(Expression of, String name, Passed passed, int line) implements Expression {}

    /** {@code of is name(…)}. */
    record Check(Expression of, String name, Passed passed, int line) implements Expression {}

    /** {@code -of} or {@code +of}. */
    record Sign(Expression of, boolean negative) implements Expression {}

    /** {@code not of}. */
    record Not(Expression of) implements Expression {}

    /** {@code left and right}, {@code left or right}. */
    record Either(Expression left, Expression right, boolean isAnd) implements Expression {}

    /** {@code left + right} and its like. */
    record Arithmetic(Expression left, String operator, Expression right) implements Expression {}

    /** {@code a ~ b ~ c}. */
    record Joined(List<Expression> parts) implements Expression {}

    /** {@code first < second <= third}: {@code operators.get(i)} stands before operand i + 1. */
    record Compared(List<Expression> operands, List<String> operators) implements Expression {}

    /** {@code then if test else otherwise}. */
    record Choice(Expression test, Expression then, Optional<Expression> otherwise)
            implements Expression {}
}
