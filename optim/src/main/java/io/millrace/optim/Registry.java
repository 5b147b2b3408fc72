package io.millrace.optim;

import io.millrace.memory.BadInputException;
import java.util.Map;
import java.util.TreeMap;

/** Things known by the name that an option takes. */
public final class Registry<T> {
    private final String option;
    private final Map<String, T> entries;

    public Registry(String option, Map<String, T> entries) {
        this.option = option;
        this.entries = new TreeMap<>(entries);
    }

    public T named(String name) {
        T entry = entries.get(name);
        if (entry == null) {
            throw new BadInputException(
                    option, "unknown name '" + name + "'", "known names: " + names());
        }
        return entry;
    }

    /** All names, for messages. */
    public String names() {
        return String.join(", ", entries.keySet());
    }
}
