package io.millrace.model.config;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.file.DurableFiles;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A {@code config.json}, in either of the spellings that published checkpoints have ({@code
 * torch_dtype}, {@code rope_theta} and {@code rope_scaling}, or {@code dtype} and {@code
 * rope_parameters}). Every read is checked, and answers with a {@link BadInputException} that names
 * the file and the field.
 */
public final class ModelConfig {
    /** Extents above this are no model's, and keep sums of products within 63 bits. */
    private static final long MAX_EXTENT = 1L << 24;

    private static final String MEND = "use the config.json that was published with these weights";

    private final String where;
    private final JsonObject json;

    private ModelConfig(String where, JsonObject json) {
        this.where = where;
        this.json = json;
    }

    /**
     * Reads a file.
     *
     * @throws BadInputException when it is missing or is not a JSON object
     */
    public static ModelConfig read(Path file) {
        if (!Files.exists(file)) {
            if (Files.exists(DurableFiles.part(file))) {
                throw new BadInputException(
                        file.toString(),
                        "there is only its part: the model was being saved when its run ended",
                        "let the run end first; if it was cut off, resume it, and it saves again");
            }
            throw new BadInputException(
                    file.toString(),
                    "there is no such file",
                    "a model folder needs the config.json that was published with the weights");
        }
        return of(file.toString(), SideFile.read(file, MEND));
    }

    /**
     * A configuration that does not come from a file.
     *
     * @param where what messages call it
     * @param json its fields
     */
    public static ModelConfig of(String where, JsonObject json) {
        return new ModelConfig(where, json);
    }

    /** What messages call it: its path. */
    public String where() {
        return where;
    }

    /** The fields as they are. */
    public JsonObject json() {
        return json;
    }

    /** The {@code model_type}. */
    public String modelType() {
        return read(() -> json.string("model_type"));
    }

    /** The dtype that the configuration names, if it names one that weights may have. */
    public Optional<DType> dtype() {
        String name = read(() -> json.string("dtype", json.string("torch_dtype", "")));
        return DType.find(name).filter(DType::isTrainable);
    }

    /** Whether the field is there, be it as {@code null}. */
    public boolean mentions(String field) {
        return json.fields().containsKey(field);
    }

    /** Whether the field is there and not {@code null}. */
    public boolean has(String field) {
        return json.has(field);
    }

    /** A positive integer that must be there. */
    public int positive(String field) {
        long value = read(() -> integer(field));
        if (value < 1 || value > MAX_EXTENT) {
            throw bad(field, "is " + value + " where 1 to " + MAX_EXTENT + " makes sense");
        }
        return (int) value;
    }

    /** Some write 64 as 64.0. */
    private long integer(String field) {
        return json.raw(field) instanceof Double number && number == Math.rint(number)
                ? number.longValue()
                : json.integer(field);
    }

    /** An integer that must be there, and may be 0. */
    public int zeroOrMore(String field) {
        long value = read(() -> integer(field));
        if (value < 0 || value > MAX_EXTENT) {
            throw bad(field, "is " + value + " where 0 to " + MAX_EXTENT + " makes sense");
        }
        return (int) value;
    }

    /** A positive integer, or another where the field is missing. */
    public int positive(String field, int otherwise) {
        return has(field) ? positive(field) : otherwise;
    }

    /** A positive integer below a limit of its own. */
    public int positiveUpTo(String field, int limit) {
        int value = positive(field);
        if (value > limit) {
            throw bad(field, "is " + value + " where at most " + limit + " makes sense");
        }
        return value;
    }

    /** The id of a token, or another where the field is missing. */
    public int tokenId(String field, int otherwise) {
        long value = read(() -> json.has(field) ? json.integer(field) : otherwise);
        if (value < 0 || value > MAX_EXTENT) {
            throw bad(field, "is " + value + " where the id of a token makes sense");
        }
        return (int) value;
    }

    /** A finite number above 0, or another where the field is missing. */
    public double positiveNumber(String field, double otherwise) {
        double value = read(() -> json.number(field, otherwise));
        if (!(value > 0) || Double.isInfinite(value)) {
            throw bad(field, "is " + value + " where a number above 0 makes sense");
        }
        return value;
    }

    /** What an array holds; nothing where the field is missing. */
    public List<Object> list(String field) {
        List<Object> values = new ArrayList<>();
        if (has(field)) {
            read(() -> json.array(field)).forEach(values::add);
        }
        return values;
    }

    /** An object's fields; none where it is missing. */
    public ModelConfig section(String field) {
        return optionalSection(field).orElseGet(() -> of(where, new JsonObject(Map.of())));
    }

    /** A finite number above 0; 0 where the field is missing or null. */
    public double positiveNumberOrNone(String field) {
        return has(field) ? positiveNumber(field, 1) : 0;
    }

    /** So many finite numbers above 0. */
    public List<Double> positiveNumbers(String field, int count) {
        List<Double> numbers = new ArrayList<>();
        for (Object number : read(() -> json.array(field))) {
            if (!(number instanceof Number value) || !(value.doubleValue() > 0)) {
                throw bad(field, "has " + number + " where a number above 0 makes sense");
            }
            numbers.add(value.doubleValue());
        }
        if (numbers.size() != count) {
            throw bad(field, "has " + numbers.size() + " entries where " + count + " are needed");
        }
        return numbers;
    }

    /** A truth value, or another where the field is missing. */
    public boolean bool(String field, boolean otherwise) {
        return read(() -> json.bool(field, otherwise));
    }

    /** A string, or another where the field is missing. */
    public String string(String field, String otherwise) {
        return read(() -> json.string(field, otherwise));
    }

    /** {@code layer_types}, one a layer, or nothing where the configuration has none. */
    public Optional<List<String>> layerTypes(int layers) {
        if (!has("layer_types")) {
            return Optional.empty();
        }
        List<String> types = new ArrayList<>();
        for (Object type : read(() -> json.array("layer_types"))) {
            String name = "attention".equals(type) ? "full_attention" : String.valueOf(type);
            if (!name.equals("full_attention") && !name.equals("sliding_attention")) {
                throw bad("layer_types", "has the unknown type " + type);
            }
            types.add(name);
        }
        if (types.size() != layers) {
            throw bad("layer_types", "has " + types.size() + " entries for " + layers + " layers");
        }
        return Optional.of(types);
    }

    /** The rotary fields of one kind of layers, in a family whose kinds differ. */
    public RopeParameters ropeOf(String kind, double thetaOtherwise) {
        return RopeParameters.ofKind(this, kind, thetaOtherwise);
    }

    /** An object's fields, or nothing where it is missing. */
    public Optional<ModelConfig> optionalSection(String field) {
        return read(() -> json.optionalObject(field)).map(fields -> of(where, fields));
    }

    /** Rotary parameters of a base alone. */
    public RopeParameters plainRope(double theta) {
        return RopeParameters.plain(this, theta);
    }

    /** The rotary fields of a family whose heads turn whole, in whichever spelling they are. */
    public RopeParameters rope(double thetaOtherwise) {
        return RopeParameters.of(this, thetaOtherwise);
    }

    /** The rotary fields of a family whose heads may turn in part. */
    public RopeParameters rope(double thetaOtherwise, double partialOtherwise) {
        return RopeParameters.of(this, thetaOtherwise, partialOtherwise);
    }

    /** A product of extents that must itself be a sensible extent. */
    public int product(String what, int left, int right) {
        long product = (long) left * right;
        if (product > MAX_EXTENT) {
            throw bad(what, "multiply to " + product + ", more than any model has");
        }
        return (int) product;
    }

    /** The error for a field of this configuration. */
    public BadInputException bad(String field, String what) {
        return bad(field, what, MEND);
    }

    /** The error for a field of this configuration, with a mend of its own. */
    public BadInputException bad(String field, String what, String mend) {
        return new BadInputException(where, "field '" + field + "' " + what, mend);
    }

    private <T> T read(Supplier<T> reader) {
        try {
            return reader.get();
        } catch (JsonFormatException e) {
            throw new BadInputException(where, e.getMessage(), MEND);
        }
    }
}
