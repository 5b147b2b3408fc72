package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Lexeme.Kind;
import java.util.List;

/** The pieces of a template, one after the other. */
final class Lexemes {
    /** Expressions and blocks within each other; Python itself stops at about as many. */
    private static final int MOST_NESTED = 100;

    private final List<Lexeme> pieces;
    private int at;
    private int depth;

    Lexemes(List<Lexeme> pieces) {
        this.pieces = pieces;
    }

    Lexeme peek() {
        return pieces.get(at);
    }

    /** The piece behind the next. */
    Lexeme peekSecond() {
        return pieces.get(Math.min(at + 1, pieces.size() - 1));
    }

    Lexeme next() {
        Lexeme piece = pieces.get(at);
        at = Math.min(at + 1, pieces.size() - 1);
        return piece;
    }

    boolean isOperator(String operator) {
        return peek().isOperator(operator);
    }

    boolean isName(String name) {
        return peek().isName(name);
    }

    boolean skipOperator(String operator) {
        boolean there = isOperator(operator);
        if (there) {
            next();
        }
        return there;
    }

    boolean skipName(String name) {
        boolean there = isName(name);
        if (there) {
            next();
        }
        return there;
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw unexpected("'" + name + "'");
        }
    }

    Lexeme expect(Kind kind, String what) {
        if (peek().kind() != kind) {
            throw unexpected(what);
        }
        return next();
    }

    String name() {
        return expect(Kind.NAME, "a name").text();
    }

    int line() {
        return peek().line();
    }

    /** Goes into something that may nest. */
    void enter() {
        depth++;
        if (depth > MOST_NESTED) {
            throw new TemplateException("nests more than " + MOST_NESTED + " deep", line());
        }
    }

    void leave() {
        depth--;
    }

    TemplateException unexpected(String wanted) {
        Lexeme piece = peek();
        String found =
                switch (piece.kind()) {
                    case END -> "its end";
                    case BLOCK_END, OUTPUT_END -> "the end of a tag";
                    case DATA, BLOCK_BEGIN, OUTPUT_BEGIN -> "text";
                    case NAME, STRING, INTEGER, FLOAT, OPERATOR -> "'" + piece.text() + "'";
                };
        return new TemplateException("has " + found + " where it needs " + wanted, piece.line());
    }
}
