package io.millrace.optim;

import io.millrace.memory.BadInputException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.function.Function;

/** Things known by the name that an option takes. */
public final class Registry<T> {
    private final String option;
    private final Map<String, T> entries;

    /**
     * Of these alone.
     *
     * @param option the option that takes the names, for messages
     * @param entries the things by name
     */
    public Registry(String option, Map<String, T> entries) {
        this.option = option;
        this.entries = new TreeMap<>(entries);
    }

    /**
     * Of these, and of those that other jars on the class path provide as a {@linkplain
     * ServiceLoader service}.
     *
     * @param option the option that takes the names, for messages
     * @param own the project's own
     * @param service what others implement
     * @param name the name of one
     */
    public static <T> Registry<T> of(
            String option,
            Collection<? extends T> own,
            Class<? extends T> service,
            Function<T, String> name) {
        List<T> all = new ArrayList<>(own);
        ServiceLoader.load(service, service.getClassLoader()).forEach(all::add);
        Map<String, T> entries = new TreeMap<>();
        for (T one : all) {
            if (entries.put(name.apply(one), one) != null) {
                throw new IllegalStateException(
                        option + ": two of the name '" + name.apply(one) + "' on the class path");
            }
        }
        return new Registry<>(option, entries);
    }

    /**
     * The thing of a name.
     *
     * @throws BadInputException when nothing has the name
     */
    public T named(String name) {
        T entry = entries.get(name);
        if (entry == null) {
            throw new BadInputException(
                    option, "unknown name '" + name + "'", "known names: " + names());
        }
        return entry;
    }

    /** Whether something has the name. */
    public boolean knows(String name) {
        return entries.containsKey(name);
    }

    /** All names in a line, for messages. */
    public String names() {
        return String.join(", ", entries.keySet());
    }

    /** All of them, in the order of their names. */
    public Collection<T> all() {
        return entries.values();
    }
}
