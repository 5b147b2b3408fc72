package io.millrace.model.text.published;

import io.millrace.memory.BadInputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The ids of a vocabulary and of what is added to it: a token that the vocabulary has keeps its id,
 * any other gets the next one behind.
 */
final class TokenIds {
    private final Map<String, Integer> vocab;
    private final Map<String, Integer> added = new LinkedHashMap<>();
    private final List<Map<String, Object>> json = new ArrayList<>();
    private int next;
    private int largest;

    TokenIds(Map<String, Integer> vocab) {
        this.vocab = vocab;
        next = vocab.size();
        largest = vocab.values().stream().mapToInt(id -> id).max().orElse(-1);
    }

    /** Adds a token, unless one of the same text was added before. */
    void add(AddedToken token) {
        if (token.content().isEmpty() || added.containsKey(token.content())) {
            return;
        }
        Integer known = vocab.get(token.content());
        int id = known == null ? next : known;
        next = Math.max(next, id + 1);
        largest = Math.max(largest, id);
        added.put(token.content(), id);
        json.add(token.json(id));
    }

    /**
     * Adds a token of which a file says the id.
     *
     * @throws BadInputException when that is not the id that it gets
     */
    void add(Path modelDir, AddedToken token, int id) {
        add(token);
        if (id(token.content()) != id) {
            throw new BadInputException(
                    modelDir.toString(),
                    "its files give the added token '"
                            + token.content()
                            + "' the id "
                            + id
                            + ", and behind this vocabulary it has "
                            + id(token.content()),
                    "copy all tokenizer files from one model");
        }
    }

    /** The id of a token that is there. */
    int id(String token) {
        Integer id = added.getOrDefault(token, vocab.get(token));
        if (id == null) {
            throw new IllegalArgumentException("no token '" + token + "'");
        }
        return id;
    }

    /** One more than the largest id. */
    int size() {
        return largest + 1;
    }

    /** The added tokens as {@code tokenizer.json} has them. */
    List<Map<String, Object>> json() {
        return json;
    }
}
