package io.millrace.model.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a hub calls the content of a file, in its ETag: SHA-256 of what is kept outside git, which
 * are the large files, and git's own SHA-1 of the rest.
 *
 * @param hex in lower case
 */
record ContentHash(String hex) {
    private static final int PIECE_BYTES = 1 << 20;
    private static final Pattern ETAG = Pattern.compile("(?:W/)?\"?([0-9a-f]{40}|[0-9a-f]{64})\"?");

    static Optional<ContentHash> ofETag(String etag) {
        Matcher hash = ETAG.matcher(etag);
        return hash.matches() ? Optional.of(new ContentHash(hash.group(1))) : Optional.empty();
    }

    /** SHA-256 of a file, read a piece at a time. */
    static ContentHash sha256(Path file) throws IOException {
        return of(file, digest("SHA-256"));
    }

    /** What git calls a file's content. */
    static ContentHash git(Path file) throws IOException {
        return of(file, gitDigest(Files.size(file)));
    }

    private static ContentHash of(Path file, MessageDigest digest) throws IOException {
        byte[] piece = new byte[PIECE_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
                digest.update(piece, 0, count);
            }
        }
        return new ContentHash(HexFormat.of().formatHex(digest.digest()));
    }

    /** What a message calls it. */
    String kind() {
        return isGits() ? "git hash" : "SHA-256";
    }

    private boolean isGits() {
        return hex.length() == 40;
    }

    /** A digest that has taken what goes before the content. */
    MessageDigest begin(long sizeBytes) {
        return isGits() ? gitDigest(sizeBytes) : digest("SHA-256");
    }

    private static MessageDigest gitDigest(long sizeBytes) {
        MessageDigest digest = digest("SHA-1");
        digest.update(("blob " + sizeBytes + "\0").getBytes(StandardCharsets.US_ASCII));
        return digest;
    }

    private static MessageDigest digest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has it", e);
        }
    }

    /** Whether a digest, begun by {@link #begin}, has seen this content. */
    boolean matches(MessageDigest digest) {
        return MessageDigest.isEqual(digest.digest(), HexFormat.of().parseHex(hex));
    }
}
