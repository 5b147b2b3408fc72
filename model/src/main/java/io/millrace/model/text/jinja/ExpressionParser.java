package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Expression.Passed;
import io.millrace.model.text.jinja.Lexeme.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reads expressions, with Jinja's precedence: filters and tests bind closest, choices last. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", ">", "<=", ">=");

    private final Lexemes pieces;

    ExpressionParser(Lexemes pieces) {
        this.pieces = pieces;
    }

    /** One expression, choices included. */
    Expression expression() {
        pieces.enter();
        Expression then = either(false);
        while (pieces.skipName("if")) {
            Expression test = either(false);
            Optional<Expression> otherwise =
                    pieces.skipName("else") ? Optional.of(expression()) : Optional.empty();
            then = new Expression.Choice(test, then, otherwise);
        }
        pieces.leave();
        return then;
    }

    /** One expression, or a tuple of several with commas between. */
    Expression expressions() {
        return tuple(true);
    }

    /** The same where a following {@code if} is not part of it. */
    Expression elements() {
        return tuple(false);
    }

    private Expression tuple(boolean withChoice) {
        List<Expression> items = new ArrayList<>();
        boolean comma = false;
        while (items.isEmpty() || !endsTuple()) {
            items.add(withChoice ? expression() : either(false));
            comma |= pieces.isOperator(",");
            if (!pieces.skipOperator(",")) {
                break;
            }
        }
        return comma ? new Expression.Items(items, true) : items.getFirst();
    }

    private boolean endsTuple() {
        Kind kind = pieces.peek().kind();
        return kind == Kind.BLOCK_END || kind == Kind.OUTPUT_END || pieces.isOperator(")");
    }

    private Expression either(boolean isAnd) {
        Expression left = isAnd ? not() : either(true);
        while (pieces.skipName(isAnd ? "and" : "or")) {
            left = new Expression.Either(left, isAnd ? not() : either(true), isAnd);
        }
        return left;
    }

    private Expression not() {
        if (pieces.skipName("not")) {
            pieces.enter();
            Expression of = not();
            pieces.leave();
            return new Expression.Not(of);
        }
        return compared();
    }

    private Expression compared() {
        List<Expression> operands = new ArrayList<>(List.of(sum()));
        List<String> operators = new ArrayList<>();
        while (true) {
            if (pieces.peek().kind() == Kind.OPERATOR
                    && COMPARISONS.contains(pieces.peek().text())) {
                operators.add(pieces.next().text());
            } else if (pieces.skipName("in")) {
                operators.add("in");
            } else if (pieces.isName("not") && pieces.peekSecond().isName("in")) {
                pieces.next();
                pieces.next();
                operators.add("not in");
            } else {
                break;
            }
            operands.add(sum());
        }
        return operators.isEmpty()
                ? operands.getFirst()
                : new Expression.Compared(operands, operators);
    }

    private Expression sum() {
        Expression left = joined();
        while (pieces.isOperator("+") || pieces.isOperator("-")) {
            String operator = pieces.next().text();
            left = new Expression.Arithmetic(left, operator, joined());
        }
        return left;
    }

    private Expression joined() {
        List<Expression> parts = new ArrayList<>(List.of(product()));
        while (pieces.skipOperator("~")) {
            parts.add(product());
        }
        return parts.size() == 1 ? parts.getFirst() : new Expression.Joined(parts);
    }

    private Expression product() {
        Expression left = power();
        while (pieces.isOperator("*")
                || pieces.isOperator("/")
                || pieces.isOperator("//")
                || pieces.isOperator("%")) {
            String operator = pieces.next().text();
            left = new Expression.Arithmetic(left, operator, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (pieces.skipOperator("**")) {
            left = new Expression.Arithmetic(left, "**", unary(true));
        }
        return left;
    }

    private Expression unary(boolean withFilters) {
        Expression node;
        if (pieces.isOperator("-") || pieces.isOperator("+")) {
            boolean negative = pieces.next().isOperator("-");
            pieces.enter();
            node = new Expression.Sign(unary(false), negative);
            pieces.leave();
        } else {
            node = primary();
        }
        node = postfix(node);
        return withFilters ? filtered(node) : node;
    }

    private Expression primary() {
        Lexeme piece = pieces.next();
        return switch (piece.kind()) {
            case NAME -> named(piece.text());
            case STRING -> {
                StringBuilder text = new StringBuilder(piece.text());
                while (pieces.peek().kind() == Kind.STRING) {
                    text.append(pieces.next().text());
                }
                yield new Expression.Literal(text.toString());
            }
            case INTEGER -> new Expression.Literal(integer(piece));
            case FLOAT -> new Expression.Literal(Double.parseDouble(piece.text()));
            case OPERATOR -> bracketed(piece);
            case DATA, OUTPUT_BEGIN, OUTPUT_END, BLOCK_BEGIN, BLOCK_END, END ->
                    throw new TemplateException("has a tag that breaks off", piece.line());
        };
    }

    private static Expression named(String name) {
        return switch (name) {
            case "true", "True" -> new Expression.Literal(true);
            case "false", "False" -> new Expression.Literal(false);
            case "none", "None" -> new Expression.Literal(null);
            default -> new Expression.Name(name);
        };
    }

    private static Object integer(Lexeme piece) {
        BigInteger value = new BigInteger(piece.text());
        if (value.bitLength() > 62) {
            throw new TemplateException("has a number too large", piece.line());
        }
        return value.longValue();
    }

    private Expression bracketed(Lexeme piece) {
        return switch (piece.text()) {
            case "(" -> parentheses();
            case "[" -> list();
            case "{" -> dict();
            default ->
                    throw new TemplateException(
                            "has '" + piece.text() + "' where a value belongs", piece.line());
        };
    }

    private Expression parentheses() {
        if (pieces.skipOperator(")")) {
            return new Expression.Items(List.of(), true);
        }
        Expression inner = tuple(true);
        pieces.expectOperator(")");
        return inner;
    }

    private Expression list() {
        List<Expression> items = new ArrayList<>();
        while (!pieces.isOperator("]")) {
            items.add(expression());
            if (!pieces.skipOperator(",")) {
                break;
            }
        }
        pieces.expectOperator("]");
        return new Expression.Items(items, false);
    }

    private Expression dict() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!pieces.isOperator("}")) {
            keys.add(expression());
            pieces.expectOperator(":");
            values.add(expression());
            if (!pieces.skipOperator(",")) {
                break;
            }
        }
        pieces.expectOperator("}");
        return new Expression.Dict(keys, values);
    }

    private Expression postfix(Expression of) {
        Expression node = of;
        while (true) {
            if (pieces.skipOperator(".")) {
                Lexeme piece = pieces.next();
                node =
                        switch (piece.kind()) {
                            case NAME -> new Expression.Attribute(node, piece.text());
                            case INTEGER ->
                                    new Expression.Item(
                                            node, new Expression.Literal(integer(piece)));
                            default ->
                                    throw new TemplateException(
                                            "has a '.' without a name", piece.line());
                        };
            } else if (pieces.skipOperator("[")) {
                node = item(node);
                pieces.expectOperator("]");
            } else if (pieces.isOperator("(")) {
                node = call(node);
            } else {
                return node;
            }
        }
    }

    private Expression item(Expression of) {
        Optional<Expression> from =
                pieces.isOperator(":") ? Optional.empty() : Optional.of(expression());
        if (from.isPresent() && pieces.isOperator("]")) {
            return new Expression.Item(of, from.get());
        }
        pieces.expectOperator(":");
        Optional<Expression> to = bound();
        Optional<Expression> step = pieces.skipOperator(":") ? bound() : Optional.empty();
        return new Expression.Slice(of, from, to, step);
    }

    private Optional<Expression> bound() {
        return pieces.isOperator(":") || pieces.isOperator("]")
                ? Optional.empty()
                : Optional.of(expression());
    }

    /** A call of what was read before, at its bracket. */
    Expression.Call call(Expression callee) {
        int line = pieces.line();
        return new Expression.Call(callee, passed(), line);
    }

    private Passed passed() {
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        pieces.expectOperator("(");
        while (!pieces.isOperator(")")) {
            if (pieces.peek().kind() == Kind.NAME && pieces.peekSecond().isOperator("=")) {
                String name = pieces.name();
                pieces.next();
                named.put(name, expression());
            } else if (!named.isEmpty()) {
                throw pieces.unexpected("a named argument");
            } else {
                positional.add(expression());
            }
            if (!pieces.skipOperator(",")) {
                break;
            }
        }
        pieces.expectOperator(")");
        return new Passed(positional, named);
    }

    private Expression filtered(Expression of) {
        Expression node = of;
        while (true) {
            if (pieces.isOperator("|")) {
                pieces.next();
                node = filter(node);
            } else if (pieces.isName("is")) {
                pieces.next();
                node = check(node);
            } else if (pieces.isOperator("(")) {
                node = call(node);
            } else {
                return node;
            }
        }
    }

    /** A filter, at its name. */
    Expression.Filter filter(Expression of) {
        int line = pieces.line();
        String name = pieces.name();
        return new Expression.Filter(
                of, name, pieces.isOperator("(") ? passed() : Passed.NOTHING, line);
    }

    private Expression check(Expression of) {
        int line = pieces.line();
        boolean negated = pieces.skipName("not");
        String name = pieces.name();
        Passed passed = Passed.NOTHING;
        if (pieces.isOperator("(")) {
            passed = passed();
        } else if (beginsArgument()) {
            passed = new Passed(List.of(postfix(primary())), Map.of());
        }
        Expression check = new Expression.Check(of, name, passed, line);
        return negated ? new Expression.Not(check) : check;
    }

    private boolean beginsArgument() {
        Lexeme piece = pieces.peek();
        return switch (piece.kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> piece.isOperator("[") || piece.isOperator("{");
            case NAME ->
                    !Set.of("else", "or", "and", "is", "if", "in", "not").contains(piece.text());
            case DATA, OUTPUT_BEGIN, OUTPUT_END, BLOCK_BEGIN, BLOCK_END, END -> false;
        };
    }
}
