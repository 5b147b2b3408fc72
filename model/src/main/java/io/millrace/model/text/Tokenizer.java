package io.millrace.model.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.millrace.memory.BadInputException;
import io.millrace.model.text.row.Utf16;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.function.LongFunction;
import java.util.stream.IntStream;

/**
 * The tokenizer of a model's folder. The native part is opened when text is first encoded or
 * decoded, so that data which is already tokenised needs no tokenizer. Safe for use by several
 * threads until it is closed.
 */
public final class Tokenizer implements AutoCloseable {
    private final Path modelDir;
    private final TokenizerFiles files;
    private final OptionalInt embeddings;
    private Backend backend; // guarded by this
    private boolean closed; // guarded by this

    private Tokenizer(Path modelDir, TokenizerFiles files, OptionalInt embeddings) {
        this.modelDir = modelDir;
        this.files = files;
        this.embeddings = embeddings;
    }

    /**
     * The tokenizer of a folder in Hugging Face layout: {@code tokenizer.json}, or what the files
     * of an older layout are made into.
     *
     * @throws BadInputException when one of its files is malformed
     */
    public static Tokenizer of(Path modelDir) {
        return new Tokenizer(modelDir, TokenizerFiles.read(modelDir), OptionalInt.empty());
    }

    /**
     * The tokenizer of a folder for its model. A vocabulary that is larger than the model's is
     * refused when text is first encoded: data which is already tokenised does not need it.
     *
     * @param modelDir the folder
     * @param embeddings rows of the model's embedding
     * @throws BadInputException when one of its files is malformed
     */
    public static Tokenizer of(Path modelDir, int embeddings) {
        return new Tokenizer(modelDir, TokenizerFiles.read(modelDir), OptionalInt.of(embeddings));
    }

    /** The special ids that {@code tokenizer_config.json} and its fellows name. */
    public SpecialTokens special() {
        return files.special();
    }

    /** One more than the largest id it can produce; empty without tokenizer files. */
    public OptionalInt vocabSize() {
        return files.vocabSize();
    }

    /**
     * The ids of a text.
     *
     * @param addSpecialTokens whether to put the marks around it that the post-processor of {@code
     *     tokenizer.json} adds; {@code add_bos_token} and {@code add_eos_token}, where {@code
     *     tokenizer_config.json} has them, decide about the outermost ones
     * @throws BadInputException without tokenizer files, or when the text is not Unicode
     */
    public int[] encode(String text, boolean addSpecialTokens) {
        Backend open = backend();
        int[] ids = open.encode(text, false);
        return addSpecialTokens ? concat(open.leading(), ids, open.trailing()) : ids;
    }

    /**
     * The ids of a text that the model is to continue: the marks in front of it, none behind.
     *
     * @throws BadInputException when that leaves nothing to continue
     */
    public int[] encodePrompt(String text) {
        Backend open = backend();
        int[] ids = concat(open.leading(), open.encode(text, false));
        if (ids.length == 0) {
            throw new BadInputException(
                    "prompt",
                    "is empty, and this model has no beginning mark",
                    "give at least one character");
        }
        return ids;
    }

    /** Whether the folder has a chat template. */
    public boolean hasChat() {
        return Chat.isIn(modelDir, files.tokenizerConfig());
    }

    /**
     * Conversations for this model.
     *
     * @throws BadInputException when its folder has no chat template that can be rendered
     */
    public Chat chat() {
        return Chat.of(modelDir, files.tokenizerConfig(), files.published().tokenNames());
    }

    /**
     * The ids of a text that has its marks already, as a chat template writes them.
     *
     * @throws BadInputException without tokenizer files, or when the text is not Unicode
     */
    public int[] encodeMarked(String text) {
        return backend().encode(text, false);
    }

    /**
     * Ids and where in the text they are from.
     *
     * @param ids of the text
     * @param starts the first code point of each
     * @param ends the one behind the last of each
     */
    @SuppressWarnings("ArrayRecordComponent")
    public record Placed(int[] ids, int[] starts, int[] ends) {}

    /** The same with the places of ids in the text. */
    public Placed encodePlaced(String text) {
        return backend().encodePlaced(text);
    }

    /** The marks that {@link #encodePrompt} puts in front. */
    public int leadingSpecials() {
        return leading().length;
    }

    /** The marks that stand in front of a text. */
    public int[] leading() {
        return backend().leading();
    }

    /** The marks that stand behind a text. */
    public int[] trailing() {
        return backend().trailing();
    }

    /**
     * The token that stands in the place of what a masked language model is asked for.
     *
     * @throws BadInputException when the folder names none
     */
    public String mask() {
        String mask = files.published().tokenNames().get("mask_token");
        if (mask == null || backend().encode(mask, false).length != 1) {
            throw new BadInputException(
                    modelDir.toString(),
                    "its tokenizer files name no mask token",
                    "say in tokenizer_config.json what \"mask_token\" is, or copy the tokenizer files"
                            + " again from the original model");
        }
        return mask;
    }

    /** The text of some ids, special tokens left out; ids it does not know are left out too. */
    public String decode(int[] ids) {
        return backend().tokenizer().decode(IntStream.of(ids).asLongStream().toArray(), true);
    }

    /** The text of some ids, marks as they are written. */
    public String decodeMarked(int[] ids) {
        long[] wide = IntStream.of(ids).asLongStream().toArray();
        return ids.length == 0 ? "" : backend().tokenizer().decode(wide, false);
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (backend != null) {
            backend.tokenizer().close();
            backend = null;
        }
    }

    private synchronized Backend backend() {
        if (closed) {
            throw new IllegalStateException("the tokenizer of " + modelDir + " is closed");
        }
        if (backend == null) {
            files.requireVocabulary(modelDir, embeddings);
            backend = Backend.open(modelDir, files);
        }
        return backend;
    }

    /** Some ids behind each other. */
    public static int[] concat(int[]... parts) {
        int[] all = new int[Arrays.stream(parts).mapToInt(part -> part.length).sum()];
        int at = 0;
        for (int[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    /** The open native tokenizer and the marks it puts before and after a text. */
    @SuppressWarnings("ArrayRecordComponent")
    private record Backend(HuggingFaceTokenizer tokenizer, int[] leading, int[] trailing) {

        static Backend open(Path modelDir, TokenizerFiles files) {
            Path json = modelDir.resolve(TokenizerFiles.TOKENIZER);
            PostProcessor marks = files.marks(json);
            HuggingFaceTokenizer tokenizer =
                    files.made().isPresent()
                            ? NativeTokenizers.open(modelDir, files.made().get().json())
                            : NativeTokenizers.open(json);
            return new Backend(tokenizer, marks.leading(), marks.trailing());
        }

        int[] encode(String text, boolean addSpecialTokens) {
            return encoded(text, addSpecialTokens, Backend::ids);
        }

        public Placed encodePlaced(String text) {
            return encoded(
                    text,
                    false,
                    encoding -> {
                        int[] ids = ids(encoding);
                        int[] starts = new int[ids.length];
                        int[] ends = new int[ids.length];
                        CharSpan[] spans = TokenizersLibrary.LIB.getTokenCharSpans(encoding);
                        for (int i = 0; i < ids.length; i++) {
                            if (spans[i] != null) {
                                starts[i] = spans[i].getStart();
                                ends[i] = spans[i].getEnd();
                            }
                        }
                        return new Placed(ids, starts, ends);
                    });
        }

        private static int[] ids(long encoding) {
            long[] wide = TokenizersLibrary.LIB.getTokenIds(encoding);
            int[] ids = new int[wide.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = Math.toIntExact(wide[i]);
            }
            return ids;
        }

        /** Asks for what is needed alone: DJL's Encoding also builds objects per token, in heap. */
        private <T> T encoded(String text, boolean addSpecialTokens, LongFunction<T> read) {
            int lone = Utf16.loneSurrogate(text);
            if (lone >= 0) {
                throw new BadInputException(
                        "text", Utf16.LONE + " at character " + (lone + 1), Utf16.MEND);
            }
            TokenizersLibrary library = TokenizersLibrary.LIB;
            long encoding = library.encode(tokenizer.getHandle(), text, addSpecialTokens);
            try {
                return read.apply(encoding);
            } finally {
                library.deleteEncoding(encoding);
            }
        }
    }
}
