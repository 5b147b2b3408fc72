package io.millrace.model.text.published;

import static io.millrace.model.text.published.FastTokenizer.object;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Byte-level byte pairs, as GPT-2 and RoBERTa have them. */
final class ByteLevelParts {
    private ByteLevelParts() {}

    static FastTokenizer.Parts of(
            TokenizerClass type, MergeFiles files, TokenizerRules rules, Marks marks) {
        Map<String, AddedToken> named = rules.namedOf(type);
        boolean space = rules.config().bool("add_prefix_space", false);
        Map<String, Object> model =
                object(
                        "type",
                        "BPE",
                        "dropout",
                        null,
                        "unk_token",
                        null,
                        "continuing_subword_prefix",
                        "",
                        "end_of_word_suffix",
                        "",
                        "fuse_unk",
                        false,
                        "byte_fallback",
                        false,
                        "ignore_merges",
                        false,
                        "vocab",
                        files.vocab(),
                        "merges",
                        files.merges());
        return new FastTokenizer.Parts(
                model,
                Optional.empty(),
                byteLevel(space),
                type == TokenizerClass.ROBERTA
                        ? marks.template(named, List.of("cls"), List.of("sep"))
                        : marks.asConfigured(named),
                byteLevel(true));
    }

    private static Map<String, Object> byteLevel(boolean addPrefixSpace) {
        return object(
                "type",
                "ByteLevel",
                "add_prefix_space",
                addPrefixSpace,
                "trim_offsets",
                true,
                "use_regex",
                true);
    }
}
