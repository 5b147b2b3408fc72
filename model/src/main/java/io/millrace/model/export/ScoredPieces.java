package io.millrace.model.export;

import io.millrace.model.text.published.SentencePieceFile;
import io.millrace.telemetry.json.JsonObject;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Pieces of sentencepiece, which ggml merges by their scores: those of the sentencepiece model
 * where the folder has it, else the ranks of the merges that were made of them.
 */
final class ScoredPieces {
    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");
    private static final String UNKNOWN = "<unk>"; // sentencepiece's, and no pair's in the JSON
    private static final String SPACE = "\u2581";

    /** Of a token that no pair makes, as llama.cpp's own conversion has it. */
    private static final float ADDED_SCORE = -1000;

    private ScoredPieces() {}

    /** Whether a tokenizer's pairs are of pieces, with bytes for what none covers. */
    static boolean are(JsonObject json) {
        return json.object("model").bool("byte_fallback", false);
    }

    /** What ggml is told, but for the marks. */
    static void put(
            JsonObject json,
            Optional<SentencePieceFile> file,
            TokenTable table,
            Map<String, Object> fields) {
        Map<Long, String> vocab = new TreeMap<>();
        json.object("model")
                .object("vocab")
                .fields()
                .forEach((token, id) -> {
                    table.put(id, token, TokenTable.Kind.NORMAL, ADDED_SCORE);
                    vocab.put((Long) id, token);
                });
        List<SentencePieceFile.Piece> pieces =
                file.map(SentencePieceFile::pieces)
                        .filter(of -> areThose(of, vocab))
                        .orElse(List.of());
        if (pieces.isEmpty()) {
            ranked(json, vocab, table);
        }
        for (int id = 0; id < pieces.size(); id++) {
            SentencePieceFile.Piece piece = pieces.get(id);
            table.put((long) id, piece.text(), kind(piece.kind()), piece.score());
        }
        // ggml looks for the text of these as people write it.
        table.putAdded(json, ADDED_SCORE, text -> text.replace(SPACE, " "));
        fields.put("tokenizer.ggml.model", "llama");
        fields.put("tokenizer.ggml.pre", "default");
        fields.put("tokenizer.ggml.tokens", table.texts());
        fields.put("tokenizer.ggml.scores", table.scores());
        fields.put("tokenizer.ggml.token_type", table.kinds());
        fields.put("tokenizer.ggml.add_space_prefix", hasSpaceInFront(json));
    }

    private static boolean areThose(List<SentencePieceFile.Piece> pieces, Map<Long, String> vocab) {
        for (int id = 0; id < pieces.size(); id++) {
            if (!pieces.get(id).text().equals(vocab.get((long) id))) {
                return false;
            }
        }
        return true;
    }

    private static TokenTable.Kind kind(SentencePieceFile.Kind kind) {
        return switch (kind) {
            case NORMAL -> TokenTable.Kind.NORMAL;
            case UNKNOWN -> TokenTable.Kind.UNKNOWN;
            case CONTROL -> TokenTable.Kind.CONTROL;
            case USER_DEFINED -> TokenTable.Kind.USER;
            case UNUSED -> TokenTable.Kind.UNUSED;
            case BYTE -> TokenTable.Kind.BYTE;
        };
    }

    /** The first pair that makes a piece has its rank; what none makes comes behind, by its id. */
    private static void ranked(JsonObject json, Map<Long, String> vocab, TokenTable table) {
        JsonObject model = json.object("model");
        Map<String, Integer> ranks = new HashMap<>();
        for (Object pair : model.array("merges")) {
            String made =
                    pair instanceof List<?> parts
                            ? parts.getFirst().toString() + parts.getLast()
                            : ((String) pair).replaceFirst(" ", "");
            ranks.putIfAbsent(made, ranks.size());
        }
        Object unknown = model.raw("unk_token") == null ? UNKNOWN : model.raw("unk_token");
        Set<Object> added = new HashSet<>();
        json.array("added_tokens").forEach(one -> added.add(((Map<?, ?>) one).get("content")));
        int behind = ranks.size();
        for (Map.Entry<Long, String> one : vocab.entrySet()) {
            String token = one.getValue();
            if (BYTE.matcher(token).matches()) {
                table.put(one.getKey(), token, TokenTable.Kind.BYTE, 0);
            } else if (token.equals(unknown)) {
                table.put(one.getKey(), token, TokenTable.Kind.UNKNOWN, 0);
            } else if (added.contains(token)) {
                table.put(one.getKey(), token, TokenTable.Kind.CONTROL, 0);
            } else {
                Integer rank = ranks.get(token);
                int place = rank == null ? behind++ : rank;
                table.put(one.getKey(), token, TokenTable.Kind.NORMAL, -place);
            }
        }
    }

    private static boolean hasSpaceInFront(JsonObject json) {
        return prepends(json.raw("normalizer")) || prepends(json.raw("pre_tokenizer"));
    }

    private static boolean prepends(Object part) {
        if (!(part instanceof Map<?, ?> fields)) {
            return part instanceof List<?> parts && parts.stream().anyMatch(ScoredPieces::prepends);
        }
        boolean here =
                "Prepend".equals(fields.get("type"))
                        || ("Metaspace".equals(fields.get("type"))
                                && !"never".equals(fields.get("prepend_scheme"))
                                && !Boolean.FALSE.equals(fields.get("add_prefix_space")));
        return here || prepends(fields.get("normalizers")) || prepends(fields.get("pretokenizers"));
    }
}
