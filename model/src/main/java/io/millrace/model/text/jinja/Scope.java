package io.millrace.model.text.jinja;

import java.util.HashMap;
import java.util.Map;

/** Variables: what is set in a loop or a macro is seen there, and what is outside is seen too. */
final class Scope {
    private final Scope outer;
    private final Map<String, Object> values = new HashMap<>();

    /** A scope within another, or the outermost one with null. */
    Scope(Scope outer) {
        this.outer = outer;
    }

    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            if (scope.values.containsKey(name)) {
                return scope.values.get(name);
            }
        }
        return new Undefined(name);
    }

    void set(String name, Object value) {
        values.put(name, value);
    }
}
