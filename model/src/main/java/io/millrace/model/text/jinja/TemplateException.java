package io.millrace.model.text.jinja;

/**
 * A template that cannot be rendered: malformed, unknown, or refusing by itself what it is given.
 */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A fault, in words that follow "the chat template". */
    public TemplateException(String what) {
        super(what);
    }

    /** The same at a line of the template. */
    TemplateException(String what, int line) {
        super(what + " (line " + line + ")");
    }

    /** The message, as a template may write it itself, on one line. */
    public String oneLine() {
        return getMessage().replace('\n', ' ').replace('\r', ' ');
    }
}
