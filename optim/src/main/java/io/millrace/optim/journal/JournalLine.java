package io.millrace.optim.journal;

import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.estimate.TwoSidedEstimator;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * The text of journal lines. A line is one JSON object whose last field is {@code "crc32c"}: the
 * checksum of the UTF-8 bytes of the line as it would be without that field.
 */
final class JournalLine {
    /** From this version on a step has its loss, and a query as many as its estimator asks for. */
    private static final int SINCE_ESTIMATORS = 3;

    /** Of a step whose slopes count as a sum; others do not have it. */
    private static final String SUMS = "sums";

    private static final String CHECKSUM = ",\"crc32c\":\"";
    private static final int CHECKSUM_DIGITS = 10; // 0x and eight digits
    private static final String END = "\"}";
    private static final int SEED_CHARS = 18; // 0x and sixteen digits

    private JournalLine() {}

    /** Closes an object with its checksum. */
    static String seal(Map<String, Object> fields) {
        String content = Json.write(fields);
        return content.substring(0, content.length() - 1) + CHECKSUM + checksum(content) + END;
    }

    /** Reads a line back, checksum checked. */
    static JsonObject open(String line) {
        int cut = line.length() - END.length() - CHECKSUM_DIGITS - CHECKSUM.length();
        if (cut < 1 || !line.startsWith(CHECKSUM, cut) || !line.endsWith(END)) {
            throw new JsonFormatException("the line does not end with its crc32c");
        }
        String content = line.substring(0, cut) + "}";
        int at = cut + CHECKSUM.length();
        String written = line.substring(at, at + CHECKSUM_DIGITS);
        String computed = checksum(content);
        if (!written.equals(computed)) {
            throw new JsonFormatException(
                    "crc32c is " + written + " but the line's content has " + computed);
        }
        return Json.parseObject(content);
    }

    /** A number for a header's line; see {@link JournalHeader#identity}. */
    static long identity(String line) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return ByteBuffer.wrap(digest.digest(line.getBytes(StandardCharsets.UTF_8))).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static String checksum(String content) {
        CRC32C crc = new CRC32C();
        crc.update(content.getBytes(StandardCharsets.UTF_8));
        return "0x" + HexFormat.of().toHexDigits((int) crc.getValue());
    }

    /**
     * A step as a version of the format has it: before 3, all of a step's queries had two sides.
     */
    static Map<String, Object> toFields(StepRecord record, int version) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("step", record.step());
        fields.put("seed", hex(record.seed()));
        fields.put("lr", number(record.lr()));
        fields.put("eps", number(record.eps()));
        fields.put("weight_decay", number(record.weightDecay()));
        if (version >= SINCE_ESTIMATORS) {
            fields.put("loss", number(record.loss()));
        }
        if (record.sums()) {
            fields.put(SUMS, true);
        }
        List<Object> queries = new ArrayList<>();
        for (QueryResult result : record.queries()) {
            Map<String, Object> query = new LinkedHashMap<>();
            query.put("seed", hex(result.seed()));
            if (version >= SINCE_ESTIMATORS) {
                query.put("losses", result.losses().stream().map(JournalLine::number).toList());
            } else {
                query.put("loss_plus", number(result.losses().get(0)));
                query.put("loss_minus", number(result.losses().get(1)));
            }
            query.put("projected_grad", number(result.projectedGrad()));
            queries.add(query);
        }
        fields.put("queries", queries);
        return fields;
    }

    static StepRecord toRecord(JsonObject fields, int version) {
        List<QueryResult> queries = new ArrayList<>();
        for (Object entry : fields.array("queries")) {
            if (!(entry instanceof Map<?, ?> map)) {
                throw new JsonFormatException("field 'queries' has an entry that is no object");
            }
            JsonObject query = JsonObject.of(map);
            queries.add(
                    new QueryResult(
                            seed(query, "seed"),
                            version >= SINCE_ESTIMATORS
                                    ? losses(query)
                                    : List.of(
                                            number(query, "loss_plus"),
                                            number(query, "loss_minus")),
                            number(query, "projected_grad")));
        }
        double loss =
                version >= SINCE_ESTIMATORS
                        ? number(fields, "loss")
                        : TwoSidedEstimator.loss(queries);
        return new StepRecord(
                fields.integer("step"),
                seed(fields, "seed"),
                number(fields, "lr"),
                number(fields, "eps"),
                number(fields, "weight_decay"),
                loss,
                queries,
                new StepRecord.Reading(
                        fields.bool(SUMS, false), JournalHeader.decaysByFactor(version)));
    }

    private static List<Double> losses(JsonObject query) {
        return query.array("losses").stream().map(value -> number(value, "losses")).toList();
    }

    static String hex(long seed) {
        return "0x" + HexFormat.of().toHexDigits(seed);
    }

    static long seed(JsonObject fields, String name) {
        String text = fields.string(name);
        if (!isSeed(text)) {
            throw new JsonFormatException("field '" + name + "' is not 0x and 16 hex digits");
        }
        return HexFormat.fromHexDigitsToLong(text, 2, SEED_CHARS);
    }

    // By hand: a pattern would be compiled for each of a journal's seeds.
    private static boolean isSeed(String text) {
        if (text.length() != SEED_CHARS || !text.startsWith("0x")) {
            return false;
        }
        for (int i = 2; i < SEED_CHARS; i++) {
            char digit = text.charAt(i);
            if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
                return false;
            }
        }
        return true;
    }

    /** JSON has no NaN and no infinity: a loss that is one is written as a string. */
    private static Object number(double value) {
        return Double.isFinite(value) ? (Object) value : Double.toString(value);
    }

    private static double number(JsonObject fields, String name) {
        return fields.raw(name) instanceof String text ? number(text, name) : fields.number(name);
    }

    private static double number(Object value, String name) {
        if (value instanceof Number number) {
            return number.doubleValue();
        }
        return switch (String.valueOf(value)) {
            case "NaN" -> Double.NaN;
            case "Infinity" -> Double.POSITIVE_INFINITY;
            case "-Infinity" -> Double.NEGATIVE_INFINITY;
            default -> throw new JsonFormatException("field '" + name + "' is not a number");
        };
    }
}
