package io.millrace.model.text;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.util.Utils;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;

/** Loads the native tokenizer library and opens tokenizers of it: the one place that does. */
final class NativeTokenizers {
    // tokenizer.json may ask for truncation and padding; lengths are this package's business.
    private static final Map<String, String> OPTIONS =
            Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false");

    private NativeTokenizers() {}

    static HuggingFaceTokenizer open(Path tokenizerJson) {
        return open(
                tokenizerJson,
                "copy the file again from the original model",
                () -> HuggingFaceTokenizer.newInstance(tokenizerJson, OPTIONS));
    }

    /** Opens what other files of a folder were made into. */
    static HuggingFaceTokenizer open(Path modelDir, Map<String, Object> tokenizerJson) {
        byte[] json = Json.write(tokenizerJson).getBytes(StandardCharsets.UTF_8);
        return open(
                modelDir,
                "copy all tokenizer files from one model",
                () -> HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), OPTIONS));
    }

    private static HuggingFaceTokenizer open(
            Path where, String mend, Callable<HuggingFaceTokenizer> library) {
        loadLibrary();
        try {
            return library.call();
        } catch (Exception e) {
            throw new BadInputException(
                    where.toString(),
                    "is not a tokenizer that can be read (" + firstLine(e) + ")",
                    mend);
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
