package io.millrace.model.text.jinja;

import java.util.List;
import java.util.Map;

/** What can be called: a macro, a method of a value, or one of the functions that are given. */
@FunctionalInterface
interface Callee {
    Object call(Arguments arguments);

    /**
     * What a call passes.
     *
     * @param positional in order
     * @param named by name
     */
    record Arguments(List<Object> positional, Map<String, Object> named) {
        static final Arguments NONE = new Arguments(List.of(), Map.of());

        /** The argument at a place or with a name, or another value. */
        Object get(int index, String name, Object otherwise) {
            if (index < positional.size()) {
                return positional.get(index);
            }
            return named.containsKey(name) ? named.get(name) : otherwise;
        }

        /** The same as text. */
        String text(int index, String name, String otherwise) {
            Object value = get(index, name, otherwise);
            if (value == null || value instanceof String) {
                return (String) value;
            }
            throw new TemplateException("passes " + PyText.repr(value) + " where text belongs");
        }

        /** The same as an integer. */
        int integer(int index, String name, int otherwise) {
            Object value = get(index, name, (long) otherwise);
            if (value instanceof Long number) {
                return Math.clamp(number, -Integer.MAX_VALUE, Integer.MAX_VALUE);
            }
            throw new TemplateException(
                    "passes " + PyText.repr(value) + " where an integer belongs");
        }

        /** Refuses arguments that the one who is called would not see. */
        Arguments known(String who, int most, List<String> names) {
            if (positional.size() > most) {
                throw new TemplateException("passes too much to '" + who + "'");
            }
            for (String name : named.keySet()) {
                if (!names.contains(name)) {
                    throw new TemplateException(
                            "passes '" + name + "' to '" + who + "', which is not known");
                }
            }
            return this;
        }
    }
}
