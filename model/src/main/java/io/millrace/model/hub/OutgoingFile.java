package io.millrace.model.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/**
 * A file that goes to a hub.
 *
 * @param path where it is
 * @param sizeBytes of its content
 */
record OutgoingFile(Path path, long sizeBytes) {
    private static final int SAMPLE_BYTES = 512;

    static OutgoingFile of(Path path) throws IOException {
        return new OutgoingFile(path, Files.size(path));
    }

    /** Its name in the repository. */
    String name() {
        return path.getFileName().toString();
    }

    /** Its begin, by which a hub tells text from other bytes; in base64. */
    String sample() throws IOException {
        try (InputStream in = Files.newInputStream(path)) {
            return Base64.getEncoder().encodeToString(in.readNBytes(SAMPLE_BYTES));
        }
    }
}
