package io.millrace.model.text;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * What examples are, as training sees them: their order, their tokens, and what is scored. It knows
 * no file: the same tokens are the same examples wherever they came from.
 *
 * @param digest the first 16 bytes of a SHA-256, in hex: for each example its length, its ids, and
 *     those of its labels that may count, all as little-endian 32-bit integers
 * @param examples how many there are
 * @param tokens how many tokens they have together
 */
public record ExamplesFingerprint(String digest, int examples, long tokens) {
    private static final int DIGEST_BYTES = 16;
    private static final int BUFFER_BYTES = 1 << 13;

    /** Reads the examples once; the heap holds a buffer of 8 KiB meanwhile. */
    public static ExamplesFingerprint of(List<Example> examples) {
        MessageDigest digest = sha256();
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long tokens = 0;
        for (Example example : examples) {
            add(digest, buffer, example.length());
            for (int id : example.ids()) {
                add(digest, buffer, id);
            }
            for (int i = example.firstLabel(); i < example.length(); i++) {
                add(digest, buffer, example.labels()[i]);
            }
            tokens += example.length();
        }
        digest.update(buffer.flip());
        return new ExamplesFingerprint(
                HexFormat.of().formatHex(digest.digest(), 0, DIGEST_BYTES),
                examples.size(),
                tokens);
    }

    private static void add(MessageDigest digest, ByteBuffer buffer, int value) {
        if (!buffer.hasRemaining()) {
            digest.update(buffer.flip());
            buffer.clear();
        }
        buffer.putInt(value);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
