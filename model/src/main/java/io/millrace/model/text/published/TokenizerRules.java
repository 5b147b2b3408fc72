package io.millrace.model.text.published;

import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What {@code tokenizer_config.json}, {@code special_tokens_map.json} and {@code added_tokens.json}
 * say, put together as transformers does: a configuration with {@code added_tokens_decoder} is
 * whole by itself; without one the other two files go before it.
 *
 * @param config {@code tokenizer_config.json}, without fields where there is no such file
 * @param named tokens by role, such as {@code bos}; a role without a token is there as empty, and
 *     one that no file names is not there
 * @param added tokens with the ids that files give them
 * @param extra further special tokens, empty where no file lists any
 */
record TokenizerRules(
        JsonObject config,
        Map<String, Optional<AddedToken>> named,
        Map<Integer, AddedToken> added,
        Optional<List<AddedToken>> extra) {
    private static final List<String> ROLES =
            List.of("bos", "eos", "unk", "sep", "pad", "cls", "mask");

    static TokenizerRules of(JsonObject config, JsonObject specialMap, JsonObject addedTokens) {
        Reading reading = new Reading();
        reading.takeNamed(config);
        reading.takeExtra(config);
        if (config.has("added_tokens_decoder")) {
            reading.takeDecoder(config.object("added_tokens_decoder"));
        } else {
            reading.takeNamed(specialMap);
            reading.takeExtra(specialMap);
            reading.takeAdded(addedTokens);
        }
        return new TokenizerRules(
                config, reading.named, reading.added, Optional.ofNullable(reading.extra));
    }

    /** The tokens by role, those that the class names for itself behind those of the files. */
    Map<String, AddedToken> namedOf(TokenizerClass type) {
        Map<String, AddedToken> all = new LinkedHashMap<>();
        Stream.concat(ROLES.stream(), named.keySet().stream())
                .forEach(role -> {
                    String usual = type.tokens().get(role);
                    Optional<AddedToken> token =
                            named.containsKey(role)
                                    ? named.get(role)
                                    : Optional.ofNullable(usual).map(AddedToken::mark);
                    token.ifPresent(one -> all.put(role, asAdded(one)));
                });
        return all;
    }

    /** The tokens by role that the files name themselves. */
    Map<String, AddedToken> namedOfFiles() {
        Map<String, AddedToken> all = new LinkedHashMap<>();
        named.forEach((role, token) -> token.ifPresent(one -> all.put(role, one)));
        return all;
    }

    /** A token that the files list with an id is what it is there. */
    private AddedToken asAdded(AddedToken token) {
        return added.values().stream()
                .filter(one -> one.content().equals(token.content()))
                .findFirst()
                .orElse(token);
    }

    /** What is being read. */
    private static final class Reading {
        private final Map<String, Optional<AddedToken>> named = new LinkedHashMap<>();
        private final Map<Integer, AddedToken> added = new TreeMap<>();
        private List<AddedToken> extra;

        private void takeNamed(JsonObject file) {
            file.fields()
                    .forEach((field, value) -> {
                        if (!field.endsWith("_token")) {
                            return;
                        }
                        String role = field.substring(0, field.length() - "_token".length());
                        if (value instanceof String || value instanceof Map) {
                            named.put(role, Optional.of(token(field, value)));
                        } else if (value == null && ROLES.contains(role)) {
                            named.put(role, Optional.empty());
                        }
                    });
        }

        private void takeExtra(JsonObject file) {
            for (String field : List.of("additional_special_tokens", "extra_special_tokens")) {
                if (!file.has(field)) {
                    continue;
                }
                if (file.raw(field) instanceof Map<?, ?> byName) {
                    // The newest spelling: roles of the model's own.
                    byName.forEach((role, value) ->
                            named.put(role.toString(), Optional.of(token(field, value))));
                    continue;
                }
                List<AddedToken> tokens = new ArrayList<>();
                for (Object value : file.array(field)) {
                    tokens.add(token(field, value));
                }
                if (extra == null || !tokens.isEmpty()) {
                    extra = tokens;
                }
            }
        }

        private void takeDecoder(JsonObject decoder) {
            decoder.fields()
                    .forEach(
                            (id, value) -> added.put(id(id), token("added_tokens_decoder", value)));
        }

        /** A token of this file is special where another names it. */
        private void takeAdded(JsonObject addedTokens) {
            addedTokens
                    .fields()
                    .forEach((content, id) -> {
                        boolean special = isNamed(content);
                        added.put(
                                id(id),
                                new AddedToken(content, false, false, false, !special, special));
                    });
        }

        private boolean isNamed(String content) {
            return Stream.concat(
                            named.values().stream().flatMap(Optional::stream),
                            extra == null ? Stream.empty() : extra.stream())
                    .anyMatch(token -> token.content().equals(content));
        }

        private static int id(Object value) {
            try {
                int id = Integer.parseInt(String.valueOf(value));
                if (id >= 0) {
                    return id;
                }
            } catch (NumberFormatException e) {
                // Said below.
            }
            throw new JsonFormatException("it has " + value + " where a token's id should be");
        }

        /** A string is a mark; an object says itself what it is. */
        private static AddedToken token(String field, Object value) {
            return switch (value) {
                case String content -> AddedToken.mark(content);
                case Map<?, ?> map -> {
                    JsonObject token = JsonObject.of(map);
                    boolean special = token.bool("special", !field.equals("added_tokens_decoder"));
                    yield new AddedToken(
                            token.string("content"),
                            token.bool("single_word", false),
                            token.bool("lstrip", false),
                            token.bool("rstrip", false),
                            token.bool("normalized", !special),
                            special);
                }
                case null, default ->
                        throw new JsonFormatException(
                                "field '" + field + "' holds something that is no token");
            };
        }
    }
}
