package io.millrace.optim.journal;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * What a journal says about its run before the first step: with the base weights, all that a replay
 * needs to know.
 *
 * @param runSeed the seed that makes the steps' seeds
 * @param base fingerprint of the base weights
 * @param optimizer name of the update rule
 * @param direction name of the direction
 * @param queries directions a step
 * @param foldEvery steps from one rounding to the next
 * @param rounding how folded parameters are rounded
 * @param dtype storage dtype of the tuned weights, or "as-stored" where each tensor keeps its own
 * @param weightDecay as the run was started; every step has its own besides
 * @param extra further fields of the run, in order; values as {@link Json} has them
 */
public record JournalHeader(
        long runSeed,
        String base,
        String optimizer,
        String direction,
        int queries,
        int foldEvery,
        Rounding rounding,
        String dtype,
        double weightDecay,
        Map<String, Object> extra) {
    /** The value of {@code dtype} where each tensor keeps the dtype that the base gave it. */
    public static final String AS_STORED = "as-stored";

    /** The version that is written; all from 1 are read. */
    public static final int VERSION = 4;

    /** From this version on weight decay is a summand of a step's sum, and no factor. */
    private static final int SINCE_SUMMED_DECAY = 4;

    /** The field that says the version. */
    public static final String VERSION_FIELD = "millrace_journal";

    private static final Set<String> OWN_FIELDS =
            Set.of(
                    VERSION_FIELD,
                    "run_seed",
                    "base",
                    "optimizer",
                    "direction",
                    "queries",
                    "fold_every",
                    "rounding",
                    "dtype",
                    "weight_decay");

    /** Checks the fields and freezes the extra ones. */
    public JournalHeader {
        extra = Collections.unmodifiableMap(new LinkedHashMap<>(extra));
        if (queries < 1 || foldEvery < 1) {
            throw new IllegalArgumentException("queries " + queries + ", fold_every " + foldEvery);
        }
        if (!dtype.equals(AS_STORED) && DType.find(dtype).isEmpty()) {
            throw new IllegalArgumentException("unknown dtype " + dtype);
        }
    }

    /** Whether a field is one of the header's own, which are none of {@link #extra}. */
    public static boolean isOwn(String field) {
        return OWN_FIELDS.contains(field);
    }

    /** Whether steps of a version have {@link StepRecord#decaysByFactor}. */
    public static boolean decaysByFactor(int version) {
        return version < SINCE_SUMMED_DECAY;
    }

    Map<String, Object> toFields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put(VERSION_FIELD, VERSION);
        fields.put("run_seed", JournalLine.hex(runSeed));
        fields.put("base", base);
        fields.put("optimizer", optimizer);
        fields.put("direction", direction);
        fields.put("queries", queries);
        fields.put("fold_every", foldEvery);
        fields.put("rounding", rounding.id());
        fields.put("dtype", dtype);
        fields.put("weight_decay", weightDecay);
        extra.forEach((name, value) -> {
            if (fields.putIfAbsent(name, value) != null) {
                throw new IllegalArgumentException("extra field " + name + " is taken");
            }
        });
        return fields;
    }

    /** The fields as a reader of the file gets them, in the order in which they are written. */
    public JsonObject fields() {
        return Json.parseObject(Json.write(toFields()));
    }

    /**
     * A number for the run that a journal is of: the first 8 bytes, the first the highest, of the
     * SHA-256 of the header's line as it is written, without its line feed.
     */
    public long identity() {
        return JournalLine.identity(JournalLine.seal(toFields()));
    }

    static int version(JsonObject fields) {
        long version = fields.integer(VERSION_FIELD);
        if (version < 1 || version > VERSION) {
            throw new JsonFormatException(
                    "journal version " + version + " where this build reads 1 to " + VERSION);
        }
        return (int) version;
    }

    static JournalHeader fromFields(JsonObject fields) {
        version(fields);
        Map<String, Object> extra = new LinkedHashMap<>(fields.fields());
        try {
            JournalHeader header =
                    new JournalHeader(
                            JournalLine.seed(fields, "run_seed"),
                            fields.string("base"),
                            fields.string("optimizer"),
                            fields.string("direction"),
                            Math.toIntExact(fields.integer("queries")),
                            Math.toIntExact(fields.integer("fold_every")),
                            Rounding.named(fields.string("rounding")),
                            fields.string("dtype"),
                            fields.number("weight_decay"),
                            Map.of());
            extra.keySet().removeAll(header.toFields().keySet());
            return new JournalHeader(
                    header.runSeed,
                    header.base,
                    header.optimizer,
                    header.direction,
                    header.queries,
                    header.foldEvery,
                    header.rounding,
                    header.dtype,
                    header.weightDecay,
                    extra);
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new JsonFormatException(e.getMessage());
        }
    }
}
