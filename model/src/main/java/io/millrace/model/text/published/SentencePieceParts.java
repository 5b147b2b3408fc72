package io.millrace.model.text.published;

import static io.millrace.model.text.published.FastTokenizer.object;

import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the classes of transformers make of a sentencepiece model. */
final class SentencePieceParts {
    /** What sentencepiece writes in the place of a space. */
    private static final String SPACE = "\u2581";

    /** T5's unknown token, whatever the model says. */
    private static final int T5_UNKNOWN = 2;

    /** DeBERTa's where its model has no piece of that name. */
    private static final int DEBERTA_UNKNOWN = 1;

    private static final int T5_SENTINELS = 100;

    private final TokenizerClass type;
    private final SentencePieceFile file;
    private final TokenizerRules rules;
    private final Map<String, Integer> vocab = new LinkedHashMap<>();

    SentencePieceParts(TokenizerClass type, SentencePieceFile file, TokenizerRules rules) {
        this.type = type;
        this.file = file;
        this.rules = rules;
        for (SentencePieceFile.Piece piece : file.pieces()) {
            vocab.put(piece.text(), vocab.size());
        }
        if (type == TokenizerClass.T5) {
            for (int i = sentinels() - 1; i >= 0; i--) {
                vocab.putIfAbsent(sentinel(i), vocab.size());
            }
        }
    }

    /** The id of each token of the vocabulary. */
    Map<String, Integer> vocab() {
        return vocab;
    }

    /** What the model marks: control symbols and those its makers defined; T5's sentinels. */
    List<AddedToken> marks() {
        List<AddedToken> marks = new ArrayList<>();
        for (SentencePieceFile.Piece piece : file.pieces()) {
            switch (piece.kind()) {
                case CONTROL -> marks.add(AddedToken.mark(piece.text()));
                case USER_DEFINED ->
                        marks.add(new AddedToken(piece.text(), false, false, false, false, false));
                case NORMAL, UNKNOWN, UNUSED, BYTE -> {}
            }
        }
        if (type == TokenizerClass.T5) {
            for (int i = 0; i < sentinels(); i++) {
                marks.add(AddedToken.mark(sentinel(i)));
            }
        }
        return marks;
    }

    FastTokenizer.Parts of(Map<String, AddedToken> named, Marks marks) {
        return switch (type) {
            case LLAMA -> llama(named, marks);
            case GEMMA -> gemma(named, marks);
            case T5 -> t5(named, marks);
            case DEBERTA -> deberta(named, marks);
            case GPT2, ROBERTA, BERT -> throw new IllegalArgumentException(type + " has no pieces");
        };
    }

    private FastTokenizer.Parts llama(Map<String, AddedToken> named, Marks marks) {
        boolean space = rules.config().bool("add_prefix_space", true);
        boolean legacy = rules.config().bool("legacy", false);
        List<Object> decoders = new ArrayList<>(bytesToText());
        if (space) {
            decoders.add(object("type", "Strip", "content", " ", "start", 1, "stop", 0));
        }
        return new FastTokenizer.Parts(
                bytePairs(null),
                Optional.empty(),
                metaspace(space ? legacy ? "always" : "first" : "never", false),
                marks.asConfigured(named),
                object("type", "Sequence", "decoders", decoders));
    }

    private FastTokenizer.Parts gemma(Map<String, AddedToken> named, Marks marks) {
        String unknown = named.containsKey("unk") ? named.get("unk").content() : null;
        return new FastTokenizer.Parts(
                bytePairs(unknown),
                Optional.of(object("type", "Replace", "pattern", text(" "), "content", SPACE)),
                object(
                        "type",
                        "Split",
                        "pattern",
                        text(" "),
                        "behavior",
                        "MergedWithPrevious",
                        "invert",
                        false),
                marks.asConfigured(named),
                object("type", "Sequence", "decoders", bytesToText()));
    }

    private FastTokenizer.Parts t5(Map<String, AddedToken> named, Marks marks) {
        Optional<Map<String, Object>> normalizer =
                file.charsmap().length == 0
                        ? Optional.empty()
                        : Optional.of(
                                object(
                                        "type",
                                        "Precompiled",
                                        "precompiled_charsmap",
                                        Base64.getEncoder().encodeToString(file.charsmap())));
        Map<String, Object> split =
                object(
                        "type",
                        "Sequence",
                        "pretokenizers",
                        List.of(object("type", "WhitespaceSplit"), metaspace("always", true)));
        return new FastTokenizer.Parts(
                unigrams(T5_UNKNOWN),
                normalizer,
                split,
                marks.template(named, List.of(), List.of("eos")),
                metaspace("always", true));
    }

    /** The class normalizes by rules of its own, whatever the model has. */
    private FastTokenizer.Parts deberta(Map<String, AddedToken> named, Marks marks) {
        List<Object> normalizers = new ArrayList<>();
        if (rules.config().bool("do_lower_case", false)) {
            normalizers.add(object("type", "Lowercase"));
        }
        Map<String, Object> breaks = object("Regex", "\\s{2,}|[\\n\\r\\t]");
        normalizers.add(object("type", "Replace", "pattern", breaks, "content", " "));
        normalizers.add(object("type", "NFC"));
        normalizers.add(object("type", "Strip", "strip_left", false, "strip_right", true));
        List<Object> splits = new ArrayList<>();
        if (rules.config().bool("split_by_punct", false)) {
            splits.add(object("type", "Punctuation", "behavior", "Isolated"));
        }
        boolean space = rules.config().bool("add_prefix_space", true);
        Map<String, Object> metaspace = metaspace(space ? "always" : "first", true);
        splits.add(metaspace);
        String unknown = named.get("unk").content();
        return new FastTokenizer.Parts(
                unigrams(vocab.getOrDefault(unknown, DEBERTA_UNKNOWN)),
                Optional.of(object("type", "Sequence", "normalizers", normalizers)),
                object("type", "Sequence", "pretokenizers", splits),
                marks.template(named, List.of("cls"), List.of("sep")),
                metaspace);
    }

    private Map<String, Object> unigrams(int unknown) {
        List<List<Object>> scored = new ArrayList<>();
        for (SentencePieceFile.Piece piece : file.pieces()) {
            scored.add(List.of(piece.text(), (double) piece.score()));
        }
        vocab.keySet().stream()
                .skip(file.pieces().size())
                .forEach(sentinel -> scored.add(List.of(sentinel, 0.0)));
        return object(
                "type", "Unigram", "unk_id", unknown, "vocab", scored, "byte_fallback", false);
    }

    private Map<String, Object> bytePairs(String unknown) {
        return object(
                "type",
                "BPE",
                "dropout",
                null,
                "unk_token",
                unknown,
                "continuing_subword_prefix",
                null,
                "end_of_word_suffix",
                null,
                "fuse_unk",
                true,
                "byte_fallback",
                true,
                "ignore_merges",
                false,
                "vocab",
                vocab,
                "merges",
                merges());
    }

    /**
     * The file has pieces, no merges. A merge is any cut of a piece into two others, and its rank
     * is the id of what it makes; of the cuts of one piece the shorter left part goes first.
     */
    private List<List<String>> merges() {
        List<List<String>> merges = new ArrayList<>();
        for (SentencePieceFile.Piece piece : file.pieces()) {
            String text = piece.text();
            for (int cut = 1; cut < text.length(); cut++) {
                String left = text.substring(0, cut);
                String right = text.substring(cut);
                if (vocab.containsKey(left) && vocab.containsKey(right)) {
                    merges.add(List.of(left, right));
                }
            }
        }
        return merges;
    }

    private int sentinels() {
        return Math.toIntExact(
                Math.clamp(rules.config().integer("extra_ids", T5_SENTINELS), 0, 1 << 16));
    }

    private static String sentinel(int index) {
        return "<extra_id_" + index + ">";
    }

    private static List<Object> bytesToText() {
        return List.of(
                object("type", "Replace", "pattern", text(SPACE), "content", " "),
                object("type", "ByteFallback"),
                object("type", "Fuse"));
    }

    private static Map<String, Object> metaspace(String prepend, boolean split) {
        return object(
                "type", "Metaspace",
                "replacement", SPACE,
                "prepend_scheme", prepend,
                "split", split);
    }

    private static Map<String, Object> text(String pattern) {
        return object("String", pattern);
    }
}
