package io.millrace.model.text.row;

import java.io.IOException;
import java.io.InputStream;

/**
 * A way in which a whole file is packed.
 *
 * @param name as people call it
 * @param ending of a file's name, such as {@code .gz}
 * @param unpacking reads what is packed
 */
public record Compression(String name, String ending, Unpacking unpacking) {
    /** Reads what is packed. */
    @FunctionalInterface
    public interface Unpacking {
        /** The bytes as they were, of a stream that the caller closes. */
        InputStream of(InputStream packed) throws IOException;
    }
}
