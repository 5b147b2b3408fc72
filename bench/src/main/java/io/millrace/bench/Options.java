package io.millrace.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** What a benchmark is told: names with a value each. */
final class Options {
    private final Map<String, String> given = new LinkedHashMap<>();

    /**
     * Reads {@code --name value} pairs.
     *
     * @param arguments of the program
     * @param from the first that belongs to a pair
     */
    Options(String[] arguments, int from) {
        for (int i = from; i < arguments.length; i += 2) {
            if (!arguments[i].startsWith("--") || i + 1 == arguments.length) {
                throw new IllegalArgumentException("'" + arguments[i] + "' is no --name value");
            }
            given.put(arguments[i], arguments[i + 1]);
        }
    }

    Optional<String> find(String name) {
        return Optional.ofNullable(given.get(name));
    }

    String get(String name, String otherwise) {
        return given.getOrDefault(name, otherwise);
    }

    int number(String name, int otherwise) {
        return find(name).map(Integer::parseInt).orElse(otherwise);
    }
}
