package io.millrace.model.config;

import io.millrace.telemetry.json.JsonObject;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The fields that a family's class reads in transformers, by list: those that are honoured, with
 * what the class has where they are missing; those of which one value alone is supported; those
 * that logits do not depend on. A field that is on no list is read by no one, there as here.
 *
 * @param honoured each with the class's default, null for none
 * @param only each with the one value that is supported
 * @param idle what logits do not depend on
 * @param aliases other names of fields, which win where both are there
 * @param spellings other names of fields whose own names the class does not read
 */
public record ConfigFields(
        Map<String, Object> honoured,
        Map<String, Object> only,
        Set<String> idle,
        Map<String, String> aliases,
        Map<String, String> spellings) {
    private static final ConfigFields NONE =
            new ConfigFields(Map.of(), Map.of(), Set.of(), Map.of(), Map.of());

    /** Freezes them. */
    public ConfigFields {
        honoured = Collections.unmodifiableMap(new LinkedHashMap<>(honoured));
        only = Collections.unmodifiableMap(new LinkedHashMap<>(only));
        idle = Set.copyOf(idle);
        aliases = Map.copyOf(aliases);
        spellings = Map.copyOf(spellings);
    }

    /** Fields that are honoured. */
    public static ConfigFields of(Object... namesAndDefaults) {
        return NONE.honours(namesAndDefaults);
    }

    /** The same with more that are honoured, or with other defaults of these. */
    public ConfigFields honours(Object... namesAndDefaults) {
        return new ConfigFields(
                with(honoured, pairs(namesAndDefaults)), only, idle, aliases, spellings);
    }

    /** The same with fields of which one value is supported. */
    public ConfigFields only(Object... namesAndValues) {
        return new ConfigFields(
                honoured, with(only, pairs(namesAndValues)), idle, aliases, spellings);
    }

    /** The same with fields that logits do not depend on. */
    public ConfigFields idle(String... names) {
        Set<String> all = new LinkedHashSet<>(idle);
        all.addAll(Arrays.asList(names));
        return new ConfigFields(honoured, only, all, aliases, spellings);
    }

    /** The same less fields that a class does not read, unlike its kin. */
    public ConfigFields without(String... names) {
        Map<String, Object> left = new LinkedHashMap<>(honoured);
        left.keySet().removeAll(Arrays.asList(names));
        return new ConfigFields(left, only, idle, aliases, spellings);
    }

    /** The same with another name of a field. */
    public ConfigFields alias(String other, String field) {
        return new ConfigFields(
                honoured, only, idle, with(aliases, Map.of(other, field)), spellings);
    }

    /** The same with a field that goes by another name alone. */
    public ConfigFields spelt(String field, String other) {
        return new ConfigFields(
                honoured, only, idle, aliases, with(spellings, Map.of(other, field)));
    }

    /** The same with those of another list, which win. */
    public ConfigFields and(ConfigFields others) {
        Set<String> all = new LinkedHashSet<>(idle);
        all.addAll(others.idle);
        Map<String, Object> limited = new LinkedHashMap<>(only);
        limited.keySet().removeAll(others.idle);
        return new ConfigFields(
                with(honoured, others.honoured),
                with(limited, others.only),
                all,
                with(aliases, others.aliases),
                with(spellings, others.spellings));
    }

    /** Whether a field is on one of the lists. */
    public boolean knows(String field) {
        return honoured.containsKey(field) || only.containsKey(field) || idle.contains(field);
    }

    /**
     * The configuration with every field under its own name, and what is missing filled in.
     *
     * @throws io.millrace.memory.BadInputException when a field has a value that is not supported
     */
    public ModelConfig read(ModelConfig config) {
        only.forEach((field, value) -> requireOnly(config, field, value));
        Map<String, Object> fields = new LinkedHashMap<>(config.json().fields());
        fields.keySet().removeAll(spellings.values());
        spellings.forEach((other, field) -> rename(fields, other, field));
        aliases.forEach((other, field) -> rename(fields, other, field));
        honoured.forEach((field, otherwise) -> {
            // A null that is there is a value of its own to the class.
            if (otherwise != null && !fields.containsKey(field)) {
                fields.put(field, otherwise);
            }
        });
        return ModelConfig.of(config.where(), new JsonObject(fields));
    }

    /** What {@link #read} fills in, by the fields' own names. */
    public Map<String, Object> filledIn(ModelConfig config) {
        Map<String, Object> filled = new LinkedHashMap<>();
        Map<String, Object> read = read(config).json().fields();
        honoured.forEach((field, otherwise) -> {
            boolean told =
                    config.mentions(field)
                            || Stream.of(aliases, spellings)
                                    .flatMap(names -> names.entrySet().stream())
                                    .anyMatch(name ->
                                            name.getValue().equals(field)
                                                    && config.mentions(name.getKey()));
            if (!told && otherwise != null) {
                filled.put(field, read.get(field));
            }
        });
        return filled;
    }

    private static void rename(Map<String, Object> fields, String other, String field) {
        Object value = fields.remove(other);
        if (value != null) {
            fields.put(field, value);
        }
    }

    private static void requireOnly(ModelConfig config, String field, Object value) {
        Object asked = config.json().raw(field);
        boolean same = asked == null || asked.equals(value);
        if (!same) {
            throw config.bad(
                    field,
                    "is " + asked + ", which is not supported",
                    "use a model that has " + (value == null ? "none" : value));
        }
    }

    private static Map<String, Object> pairs(Object... namesAndValues) {
        Map<String, Object> pairs = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            Object value = namesAndValues[i + 1];
            pairs.put(
                    (String) namesAndValues[i],
                    value instanceof Integer number ? Long.valueOf(number) : value);
        }
        return pairs;
    }

    private static <V> Map<String, V> with(Map<String, V> some, Map<String, V> more) {
        Map<String, V> all = new LinkedHashMap<>(some);
        all.putAll(more);
        return all;
    }
}
