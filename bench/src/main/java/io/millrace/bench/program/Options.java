package io.millrace.bench.program;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What a benchmark is told: names with a value each. */
public final class Options {
    private final Map<String, String> given = new LinkedHashMap<>();

    /**
     * Reads {@code --name value} pairs.
     *
     * @param arguments of the program
     * @param from the first that belongs to a pair
     */
    public Options(String[] arguments, int from) {
        for (int i = from; i < arguments.length; i += 2) {
            if (!arguments[i].startsWith("--") || i + 1 == arguments.length) {
                throw new IllegalArgumentException("'" + arguments[i] + "' is no --name value");
            }
            given.put(arguments[i], arguments[i + 1]);
        }
    }

    public Optional<String> find(String name) {
        return Optional.ofNullable(given.get(name));
    }

    public String get(String name, String otherwise) {
        return given.getOrDefault(name, otherwise);
    }

    /** The names that a list picks; all where it is not given. */
    public boolean picks(String list, String name) {
        return find(list).map(given -> List.of(given.split(",", -1)).contains(name)).orElse(true);
    }

    /** All that is given. */
    public Map<String, String> all() {
        return without(Set.of());
    }

    /** All that is given but some. */
    public Map<String, String> without(Set<String> names) {
        Map<String, String> rest = new TreeMap<>(given);
        rest.keySet().removeAll(names);
        return rest;
    }

    public double fraction(String name, double otherwise) {
        return find(name).map(Double::parseDouble).orElse(otherwise);
    }

    public int number(String name, int otherwise) {
        return find(name).map(Integer::parseInt).orElse(otherwise);
    }
}
