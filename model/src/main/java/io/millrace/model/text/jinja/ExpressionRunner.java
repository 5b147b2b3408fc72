package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Callee.Arguments;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Gives expressions their values. */
final class ExpressionRunner {
    /** Of one rendering; a row of a thousand turns takes a hundred thousand. */
    private static final int MOST_STEPS = 5_000_000;

    private int steps;

    /** Counts a step, and refuses a template that takes too many. */
    void step() {
        steps++;
        if (steps > MOST_STEPS) {
            throw new TemplateException("takes more than " + MOST_STEPS + " steps");
        }
    }

    Object value(Expression expression, Scope scope) {
        step();
        return switch (expression) {
            case Expression.Literal literal -> literal.value();
            case Expression.Name name -> scope.get(name.name());
            case Expression.Items items -> {
                List<Object> values = all(items.items(), scope);
                yield items.isTuple() ? new Tuple(values) : values;
            }
            case Expression.Dict dict -> dict(dict, scope);
            case Expression.Attribute attribute ->
                    Members.attribute(value(attribute.of(), scope), attribute.name());
            case Expression.Item item ->
                    Members.item(value(item.of(), scope), value(item.at(), scope));
            case Expression.Slice slice ->
                    Members.slice(
                            value(slice.of(), scope),
                            slice.from().map(e -> value(e, scope)).orElse(null),
                            slice.to().map(e -> value(e, scope)).orElse(null),
                            slice.step().map(e -> value(e, scope)).orElse(null));
            case Expression.Call call -> call(call, scope, Map.of());
            case Expression.Filter filter -> filtered(filter, value(filter.of(), scope), scope);
            case Expression.Check check -> checked(check, scope);
            case Expression.Sign sign ->
                    sign.negative()
                            ? PyValues.negated(value(sign.of(), scope))
                            : value(sign.of(), scope);
            case Expression.Not not -> !PyValues.isTrue(value(not.of(), scope));
            case Expression.Either either -> {
                Object left = value(either.left(), scope);
                yield PyValues.isTrue(left) == either.isAnd() ? value(either.right(), scope) : left;
            }
            case Expression.Arithmetic arithmetic ->
                    PyValues.arithmetic(
                            value(arithmetic.left(), scope),
                            arithmetic.operator(),
                            value(arithmetic.right(), scope));
            case Expression.Joined joined -> {
                StringBuilder text = new StringBuilder();
                all(joined.parts(), scope).forEach(part -> text.append(PyText.text(part)));
                yield PyText.bounded(text.toString());
            }
            case Expression.Compared compared -> compared(compared, scope);
            case Expression.Choice choice -> {
                if (PyValues.isTrue(value(choice.test(), scope))) {
                    yield value(choice.then(), scope);
                }
                yield choice.otherwise().isPresent()
                        ? value(choice.otherwise().get(), scope)
                        : new Undefined("an 'if' without an 'else'");
            }
        };
    }

    private List<Object> all(List<Expression> expressions, Scope scope) {
        List<Object> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(value(expression, scope));
        }
        return values;
    }

    private Map<Object, Object> dict(Expression.Dict dict, Scope scope) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < dict.keys().size(); i++) {
            map.put(value(dict.keys().get(i), scope), value(dict.values().get(i), scope));
        }
        return map;
    }

    /** Calls what an expression names, with further named arguments. */
    Object call(Expression.Call call, Scope scope, Map<String, Object> further) {
        Object callee = value(call.callee(), scope);
        if (callee instanceof Undefined undefined) {
            throw at(undefined.error(), call.line());
        }
        if (!(callee instanceof Callee function)) {
            throw new TemplateException("calls what is no function", call.line());
        }
        Arguments passed = passed(call.passed(), scope);
        if (!further.isEmpty()) {
            Map<String, Object> named = new LinkedHashMap<>(passed.named());
            named.putAll(further);
            passed = new Arguments(passed.positional(), named);
        }
        return function.call(passed);
    }

    private Arguments passed(Expression.Passed passed, Scope scope) {
        if (passed.positional().isEmpty() && passed.named().isEmpty()) {
            return Arguments.NONE;
        }
        Map<String, Object> named = new LinkedHashMap<>();
        passed.named().forEach((name, expression) -> named.put(name, value(expression, scope)));
        return new Arguments(all(passed.positional(), scope), named);
    }

    /** A filter's answer for a value that is known already. */
    Object filtered(Expression.Filter filter, Object value, Scope scope) {
        return Filters.apply(value, filter.name(), passed(filter.passed(), scope));
    }

    private boolean checked(Expression.Check check, Scope scope) {
        return Checks.holds(value(check.of(), scope), check.name(), passed(check.passed(), scope));
    }

    private boolean compared(Expression.Compared compared, Scope scope) {
        Object left = value(compared.operands().getFirst(), scope);
        for (int i = 0; i < compared.operators().size(); i++) {
            Object right = value(compared.operands().get(i + 1), scope);
            boolean holds =
                    switch (compared.operators().get(i)) {
                        case "==" -> PyValues.isEqual(left, right);
                        case "!=" -> !PyValues.isEqual(left, right);
                        case "in" -> PyValues.contains(right, left);
                        case "not in" -> !PyValues.contains(right, left);
                        case "<" -> PyValues.compare(left, right) < 0;
                        case "<=" -> PyValues.compare(left, right) <= 0;
                        case ">" -> PyValues.compare(left, right) > 0;
                        default -> PyValues.compare(left, right) >= 0;
                    };
            if (!holds) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private static TemplateException at(TemplateException fault, int line) {
        return new TemplateException(fault.getMessage(), line);
    }
}
