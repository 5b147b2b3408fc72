package io.millrace.optim;

import io.millrace.memory.BadInputException;
import java.util.Map;
import java.util.TreeMap;

/** Things known by the name that an option takes. */
final class Registry<T> {
    private final String option;
    private final Map<String, T> entries;

    Registry(String option, Map<String, T> entries) {
        this.option = option;
        this.entries = new TreeMap<>(entries);
    }

    T named(String name) {
        T entry = entries.get(name);
        if (entry == null) {
            throw new BadInputException(
                    option, "unknown name '" + name + "'", "known names: " + names());
        }
        return entry;
    }

    String names() {
        return String.join(", ", entries.keySet());
    }
}
