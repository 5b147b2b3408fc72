package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Callee.Arguments;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Carries out statements. */
final class StatementRunner {
    /** Macros within each other. */
    private static final int MOST_CALLS = 64;

    private final ExpressionRunner expressions = new ExpressionRunner();
    private int calls;

    /** How a body was left. */
    private enum Flow {
        ON,
        BREAK,
        CONTINUE
    }

    /**
     * Renders a template's statements into its text.
     *
     * @param variables what the template is given
     * @param now what {@code strftime_now} tells
     */
    void render(List<Statement> template, Map<String, ?> variables, LocalDateTime now, Output out) {
        Scope functions = new Scope(null);
        Functions.giveTo(functions, now, expressions::step);
        Scope given = new Scope(functions);
        variables.forEach(given::set);
        run(template, given, out);
    }

    private Flow run(List<Statement> body, Scope scope, Output out) {
        for (Statement statement : body) {
            Flow flow = run(statement, scope, out);
            if (flow != Flow.ON) {
                return flow;
            }
        }
        return Flow.ON;
    }

    private Flow run(Statement statement, Scope scope, Output out) {
        expressions.step();
        switch (statement) {
            case Statement.Text text -> out.write(text.text());
            case Statement.Output output ->
                    out.write(PyText.text(expressions.value(output.value(), scope)));
            case Statement.If branch -> {
                boolean holds = PyValues.isTrue(expressions.value(branch.test(), scope));
                return run(holds ? branch.then() : branch.otherwise(), scope, out);
            }
            case Statement.For loop -> {
                return loop(loop, scope, out);
            }
            case Statement.Set set ->
                    assign(set.names(), expressions.value(set.value(), scope), scope);
            case Statement.SetField set -> setField(set, scope);
            case Statement.SetBody set ->
                    scope.set(set.name(), filtered(set.filters(), set.body(), scope));
            case Statement.FilterBody body ->
                    out.write(PyText.text(filtered(body.filters(), body.body(), scope)));
            case Statement.With with -> {
                Scope inner = new Scope(scope);
                for (int i = 0; i < with.names().size(); i++) {
                    inner.set(with.names().get(i), expressions.value(with.values().get(i), scope));
                }
                return run(with.body(), inner, out);
            }
            case Statement.Macro macro -> scope.set(macro.name(), callee(macro, scope));
            case Statement.CallBody body ->
                    out.write(
                            PyText.text(
                                    expressions.call(
                                            body.call(),
                                            scope,
                                            Map.of("caller", callee(body.caller(), scope)))));
            case Statement.Generation generation -> {
                int start = out.length();
                Flow flow = run(generation.body(), new Scope(scope), out);
                out.generatedFrom(start);
                return flow;
            }
            case Statement.Leave leave -> {
                return leave.isBreak() ? Flow.BREAK : Flow.CONTINUE;
            }
        }
        return Flow.ON;
    }

    private Flow loop(Statement.For loop, Scope scope, Output out) {
        List<Object> elements = new ArrayList<>();
        for (Object element : PyValues.elements(expressions.value(loop.elements(), scope))) {
            expressions.step();
            if (loop.only().isPresent()) {
                Scope inner = new Scope(scope);
                assign(loop.names(), element, inner);
                if (!PyValues.isTrue(expressions.value(loop.only().get(), inner))) {
                    continue;
                }
            }
            elements.add(element);
        }
        if (elements.isEmpty()) {
            return run(loop.otherwise(), new Scope(scope), out);
        }
        LoopState state = new LoopState(elements);
        for (int i = 0; i < elements.size(); i++) {
            expressions.step();
            Scope inner = new Scope(scope);
            state.at(i);
            inner.set("loop", state);
            assign(loop.names(), elements.get(i), inner);
            if (run(loop.body(), inner, out) == Flow.BREAK) {
                break;
            }
        }
        return Flow.ON;
    }

    private static void assign(List<String> names, Object value, Scope scope) {
        if (names.size() == 1) {
            scope.set(names.getFirst(), value);
            return;
        }
        List<?> parts = PyValues.elements(value);
        if (parts.size() != names.size()) {
            throw new TemplateException(
                    "takes " + PyText.repr(value) + " apart into " + names.size() + " names");
        }
        for (int i = 0; i < names.size(); i++) {
            scope.set(names.get(i), parts.get(i));
        }
    }

    private void setField(Statement.SetField set, Scope scope) {
        if (!(scope.get(set.namespace()) instanceof Namespace namespace)) {
            throw new TemplateException(
                    "sets a field of '" + set.namespace() + "', which is no namespace", set.line());
        }
        namespace.set(set.field(), expressions.value(set.value(), scope));
    }

    private Object filtered(List<Expression.Filter> filters, List<Statement> body, Scope scope) {
        Output inner = new Output(false);
        run(body, new Scope(scope), inner);
        Object value = inner.text();
        for (Expression.Filter filter : filters) {
            value = expressions.filtered(filter, value, scope);
        }
        return value;
    }

    private Callee callee(Statement.Macro macro, Scope scope) {
        return passed -> {
            calls++;
            if (calls > MOST_CALLS) {
                throw new TemplateException("calls macros more than " + MOST_CALLS + " deep");
            }
            Output inner = new Output(false);
            run(macro.body(), bound(macro, passed, scope), inner);
            calls--;
            return inner.text();
        };
    }

    /** The parameters of a macro with what a call passes, its defaults, or nothing. */
    private Scope bound(Statement.Macro macro, Arguments passed, Scope scope) {
        List<String> known = new ArrayList<>(macro.parameters());
        known.add("caller");
        passed.known(macro.name(), macro.parameters().size(), known);
        Scope inner = new Scope(scope);
        int first = macro.parameters().size() - macro.defaults().size();
        for (int i = 0; i < macro.parameters().size(); i++) {
            String name = macro.parameters().get(i);
            boolean isGiven = i < passed.positional().size() || passed.named().containsKey(name);
            inner.set(
                    name,
                    isGiven || i < first
                            ? passed.get(i, name, new Undefined(name))
                            : expressions.value(macro.defaults().get(i - first), inner));
        }
        if (passed.named().containsKey("caller")) {
            inner.set("caller", passed.named().get("caller"));
        }
        return inner;
    }
}
