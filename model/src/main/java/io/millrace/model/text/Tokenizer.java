package io.millrace.model.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.millrace.memory.BadInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * The tokenizer of a model's folder. The native part is opened when text is first encoded or
 * decoded, so that data which is already tokenised needs no {@code tokenizer.json}. Safe for use by
 * several threads until it is closed.
 */
public final class Tokenizer implements AutoCloseable {
    private final Path modelDir;
    private final TokenizerFiles files;
    private Backend backend; // guarded by this
    private boolean closed; // guarded by this

    private Tokenizer(Path modelDir, TokenizerFiles files) {
        this.modelDir = modelDir;
        this.files = files;
    }

    /**
     * The tokenizer of a folder in Hugging Face layout.
     *
     * @throws BadInputException when one of its JSON files is malformed
     */
    public static Tokenizer of(Path modelDir) {
        return new Tokenizer(modelDir, TokenizerFiles.read(modelDir));
    }

    /** The special ids that {@code tokenizer_config.json} and its fellows name. */
    public SpecialTokens special() {
        return files.special();
    }

    /** One more than the largest id it can produce; empty without a {@code tokenizer.json}. */
    public OptionalInt vocabSize() {
        return files.vocabSize();
    }

    /**
     * The ids of a text.
     *
     * @param addSpecialTokens whether to put the marks around it that the post-processor of {@code
     *     tokenizer.json} adds; {@code add_bos_token}, where {@code tokenizer_config.json} has it,
     *     decides about the beginning mark
     * @throws BadInputException without a {@code tokenizer.json}, or when the text is not Unicode
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

    /** The marks that {@link #encodePrompt} puts in front. */
    int leadingSpecials() {
        return backend().leading().length;
    }

    /** The text of some ids, special tokens left out; ids it does not know are left out too. */
    public String decode(int[] ids) {
        return backend().tokenizer().decode(IntStream.of(ids).asLongStream().toArray(), true);
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
            Path file = modelDir.resolve(TokenizerFiles.TOKENIZER);
            if (!Files.exists(file)) {
                throw new BadInputException(
                        modelDir.toString(),
                        "has no tokenizer.json, and text must be encoded",
                        "add the model's tokenizer.json (save_pretrained of its AutoTokenizer writes"
                                + " one), or give data as input_ids");
            }
            backend = Backend.open(file, files);
        }
        return backend;
    }

    static int[] concat(int[]... parts) {
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

        static Backend open(Path file, TokenizerFiles files) {
            HuggingFaceTokenizer tokenizer = NativeTokenizers.open(file);
            try {
                Backend bare = new Backend(tokenizer, new int[0], new int[0]);
                int[] plain = bare.encode("a", false);
                int[] marked = bare.encode("a", true);
                int at = indexOf(marked, plain);
                if (at < 0) {
                    throw new BadInputException(
                            file.toString(),
                            "field 'post_processor' changes the text's own tokens",
                            "use a tokenizer that only adds special tokens around a text");
                }
                int[] leading = withBosAsAsked(Arrays.copyOf(marked, at), files);
                int[] trailing = Arrays.copyOfRange(marked, at + plain.length, marked.length);
                return new Backend(tokenizer, leading, trailing);
            } catch (RuntimeException e) {
                tokenizer.close();
                throw e;
            }
        }

        private static int[] withBosAsAsked(int[] leading, TokenizerFiles files) {
            if (files.addBos().isEmpty() || files.special().bos().isEmpty()) {
                return leading;
            }
            int bos = files.special().bos().getAsInt();
            boolean asked = files.addBos().get();
            boolean there = leading.length > 0 && leading[0] == bos;
            if (asked == there) {
                return leading;
            }
            return asked
                    ? concat(new int[] {bos}, leading)
                    : Arrays.copyOfRange(leading, 1, leading.length);
        }

        private static int indexOf(int[] all, int[] part) {
            for (int from = 0; from + part.length <= all.length; from++) {
                if (Arrays.equals(all, from, from + part.length, part, 0, part.length)) {
                    return from;
                }
            }
            return -1;
        }

        /** Asks for the ids alone: DJL's Encoding also builds objects per token, in heap. */
        int[] encode(String text, boolean addSpecialTokens) {
            int lone = Utf16.loneSurrogate(text);
            if (lone >= 0) {
                throw new BadInputException(
                        "text", Utf16.LONE + " at character " + (lone + 1), Utf16.MEND);
            }
            TokenizersLibrary library = TokenizersLibrary.LIB;
            long encoding = library.encode(tokenizer.getHandle(), text, addSpecialTokens);
            try {
                long[] wide = library.getTokenIds(encoding);
                int[] ids = new int[wide.length];
                for (int i = 0; i < ids.length; i++) {
                    ids[i] = Math.toIntExact(wide[i]);
                }
                return ids;
            } finally {
                library.deleteEncoding(encoding);
            }
        }
    }
}
