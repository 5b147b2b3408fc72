package io.millrace.optim.mask;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A file that lists elements: a safetensors file of {@code <tensor>.indices}, each of int32 or
 * int64, flat, row-major and ascending.
 */
public final class MaskFile {
    /** What a list is called behind its tensor's name. */
    public static final String SUFFIX = ".indices";

    // Not beside the model, whose folder some programs take every safetensors file of.
    private static final String COPY = "mask/indices.safetensors";
    private static final int DIGEST_BYTES = 16;

    private MaskFile() {}

    /** The tensor that a list is of; another's name where the list is not called so. */
    static String tensor(String list) {
        return list.endsWith(SUFFIX) ? list.substring(0, list.length() - SUFFIX.length()) : "";
    }

    /** Where a run keeps its copy, by its journal. */
    public static Path copy(Path journal) {
        return journal.resolveSibling(COPY);
    }

    /**
     * What a file is: the first 16 bytes, in hex, of the SHA-256 of all of it.
     *
     * @throws BadInputException where it cannot be read
     */
    public static String fingerprint(Path file) {
        MessageDigest digest = sha256();
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "cannot be read: " + e, "check the path and its permissions");
        }
        return HexFormat.of().formatHex(digest.digest(), 0, DIGEST_BYTES);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
