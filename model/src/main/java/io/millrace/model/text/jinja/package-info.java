/**
 * Chat templates: the part of Jinja that they are written in, as transformers has it rendered
 * (blocks trimmed, block lines stripped from the left, values that nobody changes).
 *
 * <pre>
 *   text --Lexer--> Lexemes --TemplateParser, ExpressionParser--> Statements, Expressions
 *                                                                    |
 *   messages, tools, special tokens ---------------- StatementRunner, ExpressionRunner --> text
 * </pre>
 *
 * <p>Of the libraries for Jinja in Java none renders published templates as Python does, and they
 * differ without a word: a generation prompt left out, a blank where Python has none. Here whatever
 * is not known is refused by name. Values are those of {@link io.millrace.telemetry.json.Json}, and
 * a few of Jinja's own ({@link io.millrace.model.text.jinja.Undefined}, tuples, namespaces).
 *
 * <p>A template may be anybody's: it reads nothing but its variables, and steps, depth and length
 * of what it writes are bounded.
 *
 * @see <a href="https://jinja.palletsprojects.com/en/stable/templates/">Jinja's templates</a>
 */
package io.millrace.model.text.jinja;
