package io.millrace.model.text.published;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The classes of transformers whose files are read, with the tokens that each names where a folder
 * does not.
 */
@SuppressWarnings("ImmutableEnumChecker") // lists and maps that nobody changes
enum TokenizerClass {
    /** Byte-level byte pairs: GPT-2, GPT-Neo, GPT-J, CodeGen, phi, StarCoder2 and OPT. */
    GPT2(
            VocabularyFiles.MERGES,
            List.of("GPT2Tokenizer"),
            List.of("gpt2", "gpt_neo", "gptj", "codegen", "opt", "phi", "starcoder2"),
            named("bos", "<|endoftext|>", "eos", "<|endoftext|>", "unk", "<|endoftext|>")),

    /** The same, with {@code <s>} and {@code </s>} around every text. */
    ROBERTA(
            VocabularyFiles.MERGES,
            List.of("RobertaTokenizer"),
            List.of("roberta", "roberta-prelayernorm"),
            named(
                    "bos", "<s>", "eos", "</s>", "unk", "<unk>", "sep", "</s>", "pad", "<pad>",
                    "cls", "<s>", "mask", "<mask>")),

    /** Word pieces, with {@code [CLS]} and {@code [SEP]} around every text. */
    BERT(
            VocabularyFiles.WORDS,
            List.of("BertTokenizer"),
            List.of("bert"),
            named(
                    "unk", "[UNK]", "sep", "[SEP]", "pad", "[PAD]", "cls", "[CLS]", "mask",
                    "[MASK]")),

    /** Byte pairs of sentencepiece, with bytes for what no piece covers: Llama 1, 2 and Mistral. */
    LLAMA(
            VocabularyFiles.SENTENCE_PIECE,
            List.of("LlamaTokenizer"),
            List.of("llama", "mistral", "mixtral"),
            named("bos", "<s>", "eos", "</s>", "unk", "<unk>")),

    /** The same without a space in front. */
    GEMMA(
            VocabularyFiles.SENTENCE_PIECE,
            List.of("GemmaTokenizer"),
            List.of("gemma", "gemma2", "gemma3_text"),
            named(
                    "bos", "<bos>", "eos", "<eos>", "unk", "<unk>", "pad", "<pad>", "mask",
                    "<mask>")),

    /** Unigrams of sentencepiece, with sentinels behind the vocabulary. */
    T5(
            VocabularyFiles.SENTENCE_PIECE,
            List.of("T5Tokenizer"),
            List.of("t5", "mt5"),
            named("eos", "</s>", "unk", "<unk>", "pad", "<pad>")),

    /** The same with {@code [CLS]} and {@code [SEP]} around every text: DeBERTa 2 and 3. */
    DEBERTA(
            VocabularyFiles.SENTENCE_PIECE,
            List.of("DebertaV2Tokenizer"),
            List.of("deberta-v2"),
            named(
                    "bos", "[CLS]", "eos", "[SEP]", "unk", "[UNK]", "sep", "[SEP]", "pad", "[PAD]",
                    "cls", "[CLS]", "mask", "[MASK]"));

    /** The files that a vocabulary is in. */
    enum VocabularyFiles {
        /** {@code vocab.json} and {@code merges.txt}. */
        MERGES,
        /** {@code vocab.txt}. */
        WORDS,
        /** A sentencepiece model. */
        SENTENCE_PIECE
    }

    private final VocabularyFiles files;
    private final List<String> names;
    private final List<String> modelTypes;
    private final Map<String, String> tokens;

    TokenizerClass(
            VocabularyFiles files,
            List<String> names,
            List<String> modelTypes,
            Map<String, String> tokens) {
        this.files = files;
        this.names = names;
        this.modelTypes = modelTypes;
        this.tokens = tokens;
    }

    /** The files of its vocabulary. */
    VocabularyFiles files() {
        return files;
    }

    /** Whether its pieces are unigrams, and not byte pairs. */
    boolean isUnigram() {
        return this == T5 || this == DEBERTA;
    }

    /** The text of its tokens by role, such as {@code bos}. */
    Map<String, String> tokens() {
        return tokens;
    }

    /** The class that a configuration names, with or without {@code Fast} behind it. */
    static Optional<TokenizerClass> named(String name) {
        String base = name.endsWith("Fast") ? name.substring(0, name.length() - 4) : name;
        return Arrays.stream(values()).filter(one -> one.names.contains(base)).findFirst();
    }

    /** The class of a model's type, for folders that name none. */
    static Optional<TokenizerClass> ofModelType(String type) {
        return Arrays.stream(values()).filter(one -> one.modelTypes.contains(type)).findFirst();
    }

    private static Map<String, String> named(String... rolesAndTokens) {
        Map<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < rolesAndTokens.length; i += 2) {
            map.put(rolesAndTokens[i], rolesAndTokens[i + 1]);
        }
        return Collections.unmodifiableMap(map);
    }
}
