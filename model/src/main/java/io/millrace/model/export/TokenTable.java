package io.millrace.model.export;

import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** A token for each row of an embedding, as ggml lists them. */
final class TokenTable {
    /** What a token is for, by ggml's numbers. */
    enum Kind {
        NORMAL(1),
        UNKNOWN(2),
        CONTROL(3),
        USER(4),
        UNUSED(5),
        BYTE(6);

        private final int number;

        Kind(int number) {
            this.number = number;
        }
    }

    /** Of a row that no token has. */
    private static final float UNUSED_SCORE = -10_000;

    private final String[] texts;
    private final Kind[] kinds;
    private final float[] scores;

    TokenTable(int rows) {
        texts = new String[rows];
        kinds = new Kind[rows];
        scores = new float[rows];
        Arrays.fill(kinds, Kind.UNUSED);
        Arrays.fill(scores, UNUSED_SCORE);
        for (int id = 0; id < rows; id++) {
            texts[id] = "[PAD" + id + "]";
        }
    }

    /** Puts a token to its id; one that the model has no row for is passed over. */
    void put(Object id, String token, Kind kind, float score) {
        if (!(id instanceof Long number) || number < 0) {
            throw new JsonFormatException("token '" + token + "' has no id");
        }
        if (number < texts.length) {
            int row = number.intValue();
            texts[row] = token;
            kinds[row] = kind;
            scores[row] = score;
        }
    }

    /**
     * Puts those that {@code tokenizer.json} lists beside its vocabulary. One that is in that, too,
     * keeps its score.
     *
     * @param score of the others
     * @param plain what becomes of the text of those that are no marks
     */
    void putAdded(JsonObject json, float score, UnaryOperator<String> plain) {
        for (Object one : json.array("added_tokens")) {
            JsonObject added = JsonObject.of((Map<?, ?>) one);
            boolean special = added.bool("special", false);
            String text = added.string("content");
            Kind kind = special ? Kind.CONTROL : Kind.USER;
            float own = score;
            if (added.raw("id") instanceof Long id && id >= 0 && id < kinds.length) {
                Kind before = kinds[id.intValue()];
                kind = before == Kind.UNKNOWN ? before : kind;
                own = before == Kind.UNUSED ? score : scores[id.intValue()];
            }
            put(added.raw("id"), special ? text : plain.apply(text), kind, own);
        }
    }

    List<String> texts() {
        return List.of(texts);
    }

    int[] kinds() {
        return Arrays.stream(kinds).mapToInt(kind -> kind.number).toArray();
    }

    float[] scores() {
        return scores.clone();
    }
}
