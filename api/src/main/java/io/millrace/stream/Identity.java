package io.millrace.stream;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** What tells a stream's folder from another's. */
final class Identity {
    private Identity() {}

    /** The first 8 bytes of a SHA-256 over the blocks and what is done to them. */
    static long of(Blocks blocks, String computation) {
        String text = blocks.identity() + '\n' + blocks.sizes() + '\n' + computation;
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest(text.getBytes(StandardCharsets.UTF_8));
            return ByteBuffer.wrap(digest).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
