package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What is asked of a vocabulary: its size, and the ids of a few tokens. The tokens themselves,
 * hundreds of thousands, pass by; encoding is the native library's business.
 */
final class Vocabulary {
    private final Set<String> wanted;
    private final Map<String, Integer> ids = new HashMap<>();
    private final Map<String, Integer> added = new HashMap<>();
    private Object postProcessor;
    private boolean seen;
    private int largest = -1;

    /** A vocabulary of which the ids of these tokens are wanted. */
    Vocabulary(Set<String> wanted) {
        this.wanted = wanted;
    }

    /** Takes a field of a {@code tokenizer.json}. */
    void take(String field, JsonStream value) {
        switch (field) {
            case "model" -> value.object("field 'model'", this::takeModel);
            case "added_tokens" -> {
                if (value.scalar() != null) {
                    value.array("field 'added_tokens'", this::takeAdded);
                }
            }
            case "post_processor" -> postProcessor = value.value();
            default -> {}
        }
    }

    /** Byte-pair and word-piece vocabularies are maps, unigram ones lists of [piece, score]. */
    private void takeModel(String field, JsonStream value) {
        if (!field.equals("vocab")) {
            return;
        }
        seen = true;
        if (value.isObject()) {
            value.object("field 'model.vocab'", (token, id) -> note(ids, token, id(id.scalar())));
        } else if (value.isArray()) {
            Pieces pieces = new Pieces();
            value.array("field 'model.vocab'", pieces::take);
        } else {
            throw new JsonFormatException("field 'model.vocab' is neither an object nor an array");
        }
    }

    private void takeAdded(JsonStream value) {
        if (!value.isObject()) {
            throw new JsonFormatException("field 'added_tokens' holds no objects");
        }
        Map<String, Object> fields = new HashMap<>();
        value.object(
                "field 'added_tokens'",
                (name, field) -> {
                    if (name.equals("content") || name.equals("id")) {
                        fields.put(name, field.scalar());
                    }
                });
        if (!(fields.get("content") instanceof String content)) {
            throw new JsonFormatException("field 'added_tokens' has one without 'content'");
        }
        note(added, content, id(fields.get("id")));
    }

    private void note(Map<String, Integer> into, String token, int id) {
        largest = Math.max(largest, id);
        if (wanted.contains(token)) {
            into.put(token, id);
        }
    }

    /** An id as files write it. */
    static int id(Object value) {
        if (value instanceof Long id && id >= 0 && id < Integer.MAX_VALUE) {
            return id.intValue();
        }
        throw new JsonFormatException("the vocabulary holds " + value + " where an id should be");
    }

    void requireSeen(Path file, String mend) {
        if (!seen) {
            throw new BadInputException(
                    file.toString(), "field 'model.vocab' is neither an object nor an array", mend);
        }
    }

    /** What is put around a text, or null. */
    Object postProcessor() {
        return postProcessor;
    }

    /** The id of one of the wanted tokens; an added token goes before one of the model's. */
    OptionalInt find(String token) {
        Integer id = added.getOrDefault(token, ids.get(token));
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** One more than the largest id; empty where there is none. */
    OptionalInt size() {
        return largest < 0 ? OptionalInt.empty() : OptionalInt.of(largest + 1);
    }

    private final class Pieces {
        private int next;

        private void take(JsonStream entry) {
            Object[] piece = new Object[1];
            boolean[] any = new boolean[1];
            if (entry.isArray()) {
                entry.array(
                        "a piece",
                        part -> {
                            if (!any[0]) {
                                piece[0] = part.scalar();
                                any[0] = true;
                            }
                        });
            }
            if (!any[0]) {
                throw new JsonFormatException("model.vocab[" + next + "] is not [piece, score]");
            }
            note(ids, String.valueOf(piece[0]), next);
            next++;
        }
    }
}
