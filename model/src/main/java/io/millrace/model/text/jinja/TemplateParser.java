package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Lexeme.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads the statements of a template. */
final class TemplateParser {
    private final Lexemes pieces;
    private final ExpressionParser expressions;
    private int loops;

    private TemplateParser(Lexemes pieces) {
        this.pieces = pieces;
        expressions = new ExpressionParser(pieces);
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException when it is malformed, or uses what is not known
     */
    static List<Statement> parse(String template) {
        TemplateParser parser = new TemplateParser(new Lexemes(Lexer.pieces(template)));
        List<Statement> body = parser.body(Set.of());
        if (parser.pieces.peek().kind() != Kind.END) {
            throw parser.pieces.unexpected("a statement");
        }
        return body;
    }

    /** Statements up to a block of one of these names, which is next. */
    private List<Statement> body(Set<String> ends) {
        pieces.enter();
        List<Statement> body = new ArrayList<>();
        while (true) {
            Lexeme piece = pieces.peek();
            switch (piece.kind()) {
                case DATA -> body.add(new Statement.Text(pieces.next().text()));
                case OUTPUT_BEGIN -> body.add(output());
                case BLOCK_BEGIN -> {
                    if (ends.contains(pieces.peekSecond().text())) {
                        pieces.next();
                        pieces.leave();
                        return body;
                    }
                    pieces.next();
                    body.add(statement());
                    pieces.expect(Kind.BLOCK_END, "the end of a tag");
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw pieces.unexpected(String.join(" or ", ends));
                    }
                    pieces.leave();
                    return body;
                }
            }
        }
    }

    /** A body between the tag that is being read and one that ends it. */
    private List<Statement> bodyUntil(String end) {
        pieces.expect(Kind.BLOCK_END, "the end of a tag");
        List<Statement> body = body(Set.of(end));
        pieces.expectName(end);
        return body;
    }

    private Statement output() {
        int line = pieces.next().line();
        Expression value = expressions.expressions();
        pieces.expect(Kind.OUTPUT_END, "'}}'");
        return new Statement.Output(value, line);
    }

    private Statement statement() {
        int line = pieces.line();
        String name = pieces.name();
        return switch (name) {
            case "if" -> branch(line);
            case "for" -> loop(line);
            case "set" -> set(line);
            case "macro" -> macro();
            case "call" -> callBody();
            case "filter" -> {
                List<Expression.Filter> filters = filters();
                yield new Statement.FilterBody(filters, bodyUntil("endfilter"));
            }
            case "with" -> with();
            case "generation" -> new Statement.Generation(bodyUntil("endgeneration"));
            case "break", "continue" -> {
                if (loops == 0) {
                    throw new TemplateException("has a '" + name + "' outside of a loop", line);
                }
                yield new Statement.Leave(name.equals("break"), line);
            }
            default ->
                    throw new TemplateException(
                            "has a block '" + name + "', which is not known", line);
        };
    }

    private Statement branch(int line) {
        Expression test = expressions.expressions();
        pieces.expect(Kind.BLOCK_END, "the end of a tag");
        List<Statement> then = body(Set.of("elif", "else", "endif"));
        int next = pieces.line();
        String end = pieces.name();
        List<Statement> otherwise =
                switch (end) {
                    case "elif" -> {
                        pieces.enter();
                        Statement chained = branch(next);
                        pieces.leave();
                        yield List.of(chained);
                    }
                    case "else" -> bodyUntil("endif");
                    default -> List.of();
                };
        return new Statement.If(test, then, otherwise, line);
    }

    private Statement loop(int line) {
        List<String> names = targets();
        pieces.expectName("in");
        Expression elements = expressions.elements();
        Optional<Expression> only =
                pieces.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
        if (pieces.isName("recursive")) {
            throw new TemplateException("has a recursive loop, which is not known", line);
        }
        pieces.expect(Kind.BLOCK_END, "the end of a tag");
        loops++;
        List<Statement> body = body(Set.of("else", "endfor"));
        loops--;
        List<Statement> otherwise = pieces.name().equals("else") ? bodyUntil("endfor") : List.of();
        return new Statement.For(names, elements, only, body, otherwise, line);
    }

    /** Names with commas between, in brackets or not. */
    private List<String> targets() {
        boolean bracket = pieces.skipOperator("(");
        List<String> names = new ArrayList<>();
        do {
            names.add(pieces.name());
        } while (pieces.skipOperator(",") && pieces.peek().kind() == Kind.NAME);
        if (bracket) {
            pieces.expectOperator(")");
        }
        return names;
    }

    private Statement set(int line) {
        if (pieces.peekSecond().isOperator(".")) {
            String namespace = pieces.name();
            pieces.next();
            String field = pieces.name();
            pieces.expectOperator("=");
            return new Statement.SetField(namespace, field, expressions.expressions(), line);
        }
        List<String> names = targets();
        if (pieces.skipOperator("=")) {
            return new Statement.Set(names, expressions.expressions(), line);
        }
        if (names.size() != 1) {
            throw pieces.unexpected("'='");
        }
        List<Expression.Filter> filters = pieces.skipOperator("|") ? filters() : List.of();
        return new Statement.SetBody(names.getFirst(), bodyUntil("endset"), filters);
    }

    /** Filters with bars between, of a body that is yet to be rendered. */
    private List<Expression.Filter> filters() {
        List<Expression.Filter> filters = new ArrayList<>();
        do {
            filters.add(expressions.filter(new Expression.Literal("")));
        } while (pieces.skipOperator("|"));
        return filters;
    }

    private Statement macro() {
        return macroBody(pieces.name(), "endmacro");
    }

    private Statement.Macro macroBody(String name, String end) {
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        if (pieces.skipOperator("(")) {
            while (!pieces.isOperator(")")) {
                parameters.add(pieces.name());
                if (pieces.skipOperator("=")) {
                    defaults.add(expressions.expression());
                } else if (!defaults.isEmpty()) {
                    throw pieces.unexpected("a default");
                }
                if (!pieces.skipOperator(",")) {
                    break;
                }
            }
            pieces.expectOperator(")");
        }
        return bodyOf(name, parameters, defaults, end);
    }

    private Statement.Macro bodyOf(
            String name, List<String> parameters, List<Expression> defaults, String end) {
        int outer = loops;
        loops = 0;
        List<Statement> body = bodyUntil(end);
        loops = outer;
        return new Statement.Macro(name, parameters, defaults, body);
    }

    private Statement callBody() {
        List<String> parameters = new ArrayList<>();
        if (pieces.skipOperator("(")) {
            while (!pieces.isOperator(")")) {
                parameters.add(pieces.name());
                if (!pieces.skipOperator(",")) {
                    break;
                }
            }
            pieces.expectOperator(")");
        }
        int line = pieces.line();
        if (!(expressions.expression() instanceof Expression.Call call)) {
            throw new TemplateException("has a 'call' block that calls nothing", line);
        }
        return new Statement.CallBody(call, bodyOf("caller", parameters, List.of(), "endcall"));
    }

    private Statement with() {
        List<String> names = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (pieces.peek().kind() != Kind.BLOCK_END) {
            names.add(pieces.name());
            pieces.expectOperator("=");
            values.add(expressions.expression());
            if (!pieces.skipOperator(",")) {
                break;
            }
        }
        return new Statement.With(names, values, bodyUntil("endwith"));
    }
}
