package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Typed reads of an {@code adapter_config.json}; every error names the file and the field. */
final class ConfigReader {
    static final String MEND = "use the adapter_config.json that was saved with these weights";

    /** Ranks above this are no adapter's. */
    private static final long MAX_RANK = 1L << 24;

    private final String where;
    private final JsonObject json;

    ConfigReader(String where, JsonObject json) {
        this.where = where;
        this.json = json;
    }

    String where() {
        return where;
    }

    JsonObject json() {
        return json;
    }

    BadInputException bad(String field, String what) {
        return bad(field, what, MEND);
    }

    BadInputException bad(String field, String what, String mend) {
        return new BadInputException(where, "field '" + field + "' " + what, mend);
    }

    boolean bool(String field) {
        return typed(() -> json.bool(field, false));
    }

    String string(String field, String otherwise) {
        return typed(() -> json.string(field, otherwise));
    }

    int rank(String field, Object value) {
        if (!(value instanceof Long rank) || rank < 1 || rank > MAX_RANK) {
            throw bad(field, "has the rank " + value + " where 1 to " + MAX_RANK + " makes sense");
        }
        return Math.toIntExact(rank);
    }

    double alpha(String field, Object value) {
        if (!(value instanceof Number alpha) || !Double.isFinite(alpha.doubleValue())) {
            throw bad(field, "has " + value + " where a number makes sense");
        }
        return alpha.doubleValue();
    }

    /** A string, where the field is one. */
    Optional<String> text(String field) {
        return json.raw(field) instanceof String text ? Optional.of(text) : Optional.empty();
    }

    /** A list of strings; empty where the field is missing. */
    List<String> strings(String field) {
        List<String> strings = new ArrayList<>();
        for (Object value : list(field)) {
            if (!(value instanceof String text)) {
                throw bad(field, "has " + value + " where names make sense");
            }
            strings.add(text);
        }
        return strings;
    }

    /** A natural number or a list of them; empty where the field is missing. */
    List<Long> naturals(String field) {
        List<?> values = json.raw(field) instanceof Long one ? List.of(one) : list(field);
        List<Long> naturals = new ArrayList<>();
        for (Object value : values) {
            if (!(value instanceof Long natural) || natural < 0) {
                throw bad(field, "has " + value + " where indices of layers make sense");
            }
            naturals.add(natural);
        }
        return naturals;
    }

    private List<?> list(String field) {
        return json.has(field) ? typed(() -> json.array(field)) : List.of();
    }

    /** The entries of an object, in the file's order; none where the field is missing. */
    Map<String, Object> entries(String field) {
        return typed(() -> json.optionalObject(field))
                .map(JsonObject::fields)
                .orElse(new LinkedHashMap<>());
    }

    private <T> T typed(Supplier<T> read) {
        try {
            return read.get();
        } catch (JsonFormatException e) {
            throw new BadInputException(where, e.getMessage(), MEND);
        }
    }
}
