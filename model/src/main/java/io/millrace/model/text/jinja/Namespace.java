package io.millrace.model.text.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/** The one value that a template may change: {@code namespace(found=false)}. */
final class Namespace {
    private final Map<String, Object> values = new LinkedHashMap<>();

    Namespace(Map<String, Object> values) {
        this.values.putAll(values);
    }

    Object get(String name) {
        return values.containsKey(name) ? values.get(name) : new Undefined(name);
    }

    void set(String name, Object value) {
        values.put(name, value);
    }
}
