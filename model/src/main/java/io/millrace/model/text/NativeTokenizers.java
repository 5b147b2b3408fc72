package io.millrace.model.text;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.util.Utils;
import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Loads the native tokenizer library and opens tokenizers of it: the one place that does. */
final class NativeTokenizers {
    // tokenizer.json may ask for truncation and padding; lengths are this package's business.
    private static final Map<String, String> OPTIONS =
            Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false");

    private NativeTokenizers() {}

    static HuggingFaceTokenizer open(Path tokenizerJson) {
        loadLibrary();
        try {
            return HuggingFaceTokenizer.newInstance(tokenizerJson, OPTIONS);
        } catch (IOException | RuntimeException e) {
            throw new BadInputException(
                    tokenizerJson.toString(),
                    "is not a tokenizer that can be read (" + firstLine(e) + ")",
                    "copy the file again from the original model");
        }
    }

    /**
     * The library is unpacked once from its jar into DJL's cache folder: {@code $ENGINE_CACHE_DIR},
     * {@code $DJL_CACHE_DIR}, else {@code ~/.djl.ai}, else {@code .djl.ai} in the folder for
     * temporary files.
     */
    private static synchronized void loadLibrary() {
        // Without these it looks for a GPU build, may download one, and reports its use.
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("RUST_FLAVOR", "cpu");
        try {
            LibUtils.checkStatus();
        } catch (EngineException | LinkageError e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new BadInputException(
                    Utils.getEngineCacheDir().toString(),
                    "the tokenizer library cannot be unpacked and loaded here ("
                            + firstLine(cause)
                            + ")",
                    "empty that folder, or set DJL_CACHE_DIR to one that is writable and not"
                            + " mounted noexec");
        }
    }

    private static String firstLine(Throwable e) {
        String message = e.toString();
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }
}
