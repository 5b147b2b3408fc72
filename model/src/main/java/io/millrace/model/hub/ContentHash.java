package io.millrace.model.hub;

import java.nio.charset.StandardCharsets;
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
    private static final Pattern ETAG = Pattern.compile("(?:W/)?\"?([0-9a-f]{40}|[0-9a-f]{64})\"?");

    static Optional<ContentHash> ofETag(String etag) {
        Matcher hash = ETAG.matcher(etag);
        return hash.matches() ? Optional.of(new ContentHash(hash.group(1))) : Optional.empty();
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
        try {
            MessageDigest digest = MessageDigest.getInstance(isGits() ? "SHA-1" : "SHA-256");
            if (isGits()) {
                digest.update(("blob " + sizeBytes + "\0").getBytes(StandardCharsets.US_ASCII));
            }
            return digest;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has it", e);
        }
    }

    /** Whether a digest, begun by {@link #begin}, has seen this content. */
    boolean matches(MessageDigest digest) {
        return MessageDigest.isEqual(digest.digest(), HexFormat.of().parseHex(hex));
    }
}
