package io.millrace.model.file.pickle;

import java.util.LinkedHashMap;
import java.util.Map;

/** A dict or an OrderedDict; most in a file are empty, and then take next to nothing. */
final class PickledDict {
    private Map<Object, Object> entries = Map.of();

    /**
     * Sets an entry.
     *
     * @param key a string or a number: hashing anything else could be made to run for ever
     */
    void put(Object key, Object value) {
        if (entries.isEmpty()) {
            entries = new LinkedHashMap<>();
        }
        entries.put(key, value);
    }

    Map<Object, Object> entries() {
        return entries;
    }
}
