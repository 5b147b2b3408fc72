package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Lexeme.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into pieces, with the white space rules of {@code trim_blocks} and {@code
 * lstrip_blocks}: a line feed behind a block or a comment is dropped, and so is the white space
 * between the beginning of a line and a block or comment on it; {@code -} at an edge drops all
 * white space there, {@code +} keeps it.
 */
final class Lexer {
    // Possessive: a backslash or a quote never has to be tried again, however long the string is.
    private static final Pattern STRING =
            Pattern.compile("'(?:[^'\\\\]|\\\\.)*+'|\"(?:[^\"\\\\]|\\\\.)*+\"", Pattern.DOTALL);

    private static final Pattern FLOAT =
            Pattern.compile(
                    "(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?\\d+|\\.(?:\\d+_)*\\d+)");
    private static final Pattern INTEGER = Pattern.compile("\\d(?:_?\\d)*");
    private static final Pattern NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_]*");
    private static final Pattern OPERATOR =
            Pattern.compile("//|\\*\\*|==|!=|>=|<=|[-+*/%~(){}\\[\\]<>=.,:;|]");
    private static final Pattern RAW = Pattern.compile("\\{%[-+]?\\s*raw\\s*(-?)%\\}");
    private static final Pattern RAW_END = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%\\}");

    /** In this order: a number with a point begins as one without does. */
    private static final List<Map.Entry<Kind, Pattern>> PIECES =
            List.of(
                    Map.entry(Kind.FLOAT, FLOAT),
                    Map.entry(Kind.INTEGER, INTEGER),
                    Map.entry(Kind.NAME, NAME),
                    Map.entry(Kind.STRING, STRING),
                    Map.entry(Kind.OPERATOR, OPERATOR));

    private final String source;
    private final List<Lexeme> pieces = new ArrayList<>();
    private int at;
    private int line = 1;
    private boolean lineStarting = true;

    private Lexer(String template) {
        String unix = template.replace("\r\n", "\n").replace('\r', '\n');
        source = unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix;
    }

    static List<Lexeme> pieces(String template) {
        Lexer lexer = new Lexer(template);
        lexer.run();
        return lexer.pieces;
    }

    private void run() {
        while (at < source.length()) {
            int tag = nextTag(at);
            if (tag < 0) {
                data(source.substring(at));
                moveTo(source.length());
                break;
            }
            char kind = source.charAt(tag + 1);
            char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
            boolean signed = sign == '-' || sign == '+';
            data(stripped(source.substring(at, tag), signed ? sign : ' ', kind == '{'));
            Matcher raw = RAW.matcher(source).region(tag, source.length());
            if (kind == '%' && raw.lookingAt()) {
                moveTo(raw.end());
                if (!raw.group(1).isEmpty()) {
                    skipSpace();
                }
                raw();
                continue;
            }
            moveTo(tag + (signed ? 3 : 2));
            if (kind == '#') {
                comment();
            } else {
                tag(kind == '{');
            }
        }
        add(Kind.END, "");
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0; i = source.indexOf('{', i + 1)) {
            if (i + 1 < source.length() && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    private String stripped(String text, char sign, boolean isOutput) {
        if (sign == '-') {
            return PyText.stripRight(text);
        }
        if (sign == '+' || isOutput) {
            return text;
        }
        int lineStart = text.lastIndexOf('\n') + 1;
        boolean atLineStart = lineStart > 0 || lineStarting;
        return atLineStart && PyText.stripLeft(text.substring(lineStart)).isEmpty()
                ? text.substring(0, lineStart)
                : text;
    }

    private void comment() {
        int end = source.indexOf("#}", at);
        if (end < 0) {
            throw new TemplateException("has a comment without an end", line);
        }
        char sign = end > at ? source.charAt(end - 1) : ' ';
        moveTo(end + 2);
        afterBlock(sign);
    }

    private void raw() {
        Matcher end = RAW_END.matcher(source);
        if (!end.find(at)) {
            throw new TemplateException("has a raw block without an end", line);
        }
        String sign = end.group(1);
        data(
                stripped(
                        source.substring(at, end.start()),
                        sign.isEmpty() ? ' ' : sign.charAt(0),
                        false));
        moveTo(end.end());
        afterBlock(end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0));
    }

    /** What a block's or comment's end takes of the text behind it. */
    private void afterBlock(char sign) {
        if (sign == '-') {
            skipSpace();
        } else if (sign != '+' && at < source.length() && source.charAt(at) == '\n') {
            moveTo(at + 1);
        }
        lineStarting = at > 0 && source.charAt(at - 1) == '\n';
    }

    private void tag(boolean isOutput) {
        String end = isOutput ? "}}" : "%}";
        add(isOutput ? Kind.OUTPUT_BEGIN : Kind.BLOCK_BEGIN, "");
        Deque<Character> open = new ArrayDeque<>();
        while (true) {
            skipSpace();
            if (at >= source.length()) {
                throw new TemplateException("has a tag without an end", line);
            }
            if (open.isEmpty()) {
                char sign = source.charAt(at);
                boolean signed = sign == '-' || (sign == '+' && !isOutput);
                if (source.startsWith(end, signed ? at + 1 : at)) {
                    add(isOutput ? Kind.OUTPUT_END : Kind.BLOCK_END, "");
                    moveTo(at + (signed ? 3 : 2));
                    if (!isOutput) {
                        afterBlock(sign);
                    } else if (signed) {
                        skipSpace();
                    }
                    lineStarting = source.charAt(at - 1) == '\n';
                    return;
                }
            }
            piece(open);
        }
    }

    private void piece(Deque<Character> open) {
        for (Map.Entry<Kind, Pattern> one : PIECES) {
            String text = match(one.getValue());
            if (text != null) {
                take(one.getKey(), text, open);
                moveTo(at + text.length());
                return;
            }
        }
        throw new TemplateException("has '" + source.charAt(at) + "' where none may stand", line);
    }

    private void take(Kind kind, String text, Deque<Character> open) {
        switch (kind) {
            case FLOAT, INTEGER -> add(kind, text.replace("_", ""));
            case STRING -> add(kind, PyText.unescaped(text.substring(1, text.length() - 1)));
            case OPERATOR -> {
                balance(open, text.charAt(0));
                add(kind, text);
            }
            default -> add(kind, text);
        }
    }

    private void balance(Deque<Character> open, char bracket) {
        switch (bracket) {
            case '(' -> open.push(')');
            case '[' -> open.push(']');
            case '{' -> open.push('}');
            case ')', ']', '}' -> {
                if (open.isEmpty() || open.pop() != bracket) {
                    throw new TemplateException(
                            "has a '" + bracket + "' that closes nothing", line);
                }
            }
            default -> {}
        }
    }

    private String match(Pattern pattern) {
        Matcher matcher = pattern.matcher(source).region(at, source.length());
        return matcher.lookingAt() ? matcher.group() : null;
    }

    private void skipSpace() {
        int end = at;
        while (end < source.length() && PyText.isSpace(source.charAt(end))) {
            end++;
        }
        moveTo(end);
    }

    private void data(String text) {
        if (!text.isEmpty()) {
            add(Kind.DATA, text);
        }
    }

    private void add(Kind kind, String text) {
        pieces.add(new Lexeme(kind, text, line));
    }

    private void moveTo(int to) {
        for (int i = at; i < to; i++) {
            if (source.charAt(i) == '\n') {
                line++;
            }
        }
        at = to;
    }
}
