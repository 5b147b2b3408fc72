package io.millrace.model.text.jinja;

/**
 * What a name without a value stands for: empty as text, false, without elements, and an error for
 * anything else that is asked of it.
 *
 * @param name what has no value, for messages
 */
record Undefined(String name) {
    TemplateException error() {
        return new TemplateException("uses '" + name + "', which has no value");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Undefined;
    }

    @Override
    public int hashCode() {
        return 0;
    }
}
