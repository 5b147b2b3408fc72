package io.millrace.optim.option;

import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** Values by their {@link Option}: what a run was told. Every value is within its limits. */
public final class Settings {
    /** Nothing was told; every option has its usual value. */
    public static final Settings NONE = new Settings(new LinkedHashMap<>());

    private final Map<Option<?>, Object> values;

    private Settings(Map<Option<?>, Object> values) {
        this.values = Collections.unmodifiableMap(values);
    }

    /**
     * With one value more, or another.
     *
     * @throws io.millrace.memory.BadInputException where it is beyond a limit
     */
    public <T> Settings with(Option<T> option, T value) {
        return with(option, value, option.spelled());
    }

    /** The same for a value that stands elsewhere than on the command line. */
    public <T> Settings with(Option<T> option, T value, String place) {
        Map<Option<?>, Object> more = new LinkedHashMap<>(values);
        more.put(option, option.require(Objects.requireNonNull(value), place));
        return new Settings(more);
    }

    /** With a value where there is one; else without any. */
    public <T> Settings with(Option<T> option, Optional<T> value) {
        if (value.isPresent()) {
            return with(option, value.get());
        }
        Map<Option<?>, Object> fewer = new LinkedHashMap<>(values);
        fewer.remove(option);
        return new Settings(fewer);
    }

    /** With all of another's values, which win. */
    public Settings with(Settings others) {
        Map<Option<?>, Object> more = new LinkedHashMap<>(values);
        more.putAll(others.values);
        return new Settings(more);
    }

    /** Whether a value was told. */
    public boolean has(Option<?> option) {
        return values.containsKey(option);
    }

    /** The options of which a value was told. */
    public Set<Option<?>> options() {
        return values.keySet();
    }

    /** The value that was told, else the usual one, if there is any. */
    public <T> Optional<T> find(Option<T> option) {
        @SuppressWarnings("unchecked") // with() takes values of the option's type only
        T value = (T) values.get(option);
        return value == null ? option.usual() : Optional.of(value);
    }

    /**
     * The same where there must be one.
     *
     * @throws NoSuchElementException where there is none
     */
    public <T> T get(Option<T> option) {
        return find(option).orElseThrow(() -> new NoSuchElementException(option + " has no value"));
    }

    /** These options alone, in their order, each as it was told or as usual. */
    public Settings complete(Collection<? extends Option<?>> options) {
        Map<Option<?>, Object> all = new LinkedHashMap<>();
        for (Option<?> option : options) {
            find(option).ifPresent(value -> all.put(option, value));
        }
        return new Settings(all);
    }

    /** These options alone, where they were told. */
    public Settings only(Collection<? extends Option<?>> options) {
        Map<Option<?>, Object> some = new LinkedHashMap<>(values);
        some.keySet().retainAll(options);
        return new Settings(some);
    }

    /** All but these. */
    public Settings without(Collection<? extends Option<?>> options) {
        Map<Option<?>, Object> others = new LinkedHashMap<>(values);
        others.keySet().removeAll(options);
        return new Settings(others);
    }

    /** The values by the names of their options, as files have them. */
    public Map<String, Object> toJson() {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (Option<?> option : values.keySet()) {
            fields.put(option.name(), json(option));
        }
        return fields;
    }

    private <T> Object json(Option<T> option) {
        return option.type().json().apply(get(option));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Settings settings && values.equals(settings.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    @Override
    public String toString() {
        return toJson().toString();
    }
}
