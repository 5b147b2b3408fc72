package io.millrace.model.text.row;

import com.github.luben.zstd.ZstdIOException;
import io.millrace.memory.BadInputException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.ZipException;

/**
 * What a data file holds, unpacked. A pipe is as good as a file: it is read once, from its first
 * byte to its last.
 *
 * @param file as it was named
 * @param packed how it is packed, if it is
 */
public record RowInput(Path file, Optional<Compression> packed) {
    /** Reads a stream that is closed behind it. */
    @FunctionalInterface
    public interface Reading {
        /** Reads all that it wants. */
        void of(InputStream in) throws IOException;
    }

    /** A file, packed as its name says. */
    public static RowInput of(Path file) {
        return new RowInput(file, Compressions.of(lowerName(file)));
    }

    /** The file's name in lower case, without the ending that says how it is packed. */
    String bareName() {
        String name = lowerName(file);
        return packed.map(one -> name.substring(0, name.length() - one.ending().length()))
                .orElse(name);
    }

    private static String lowerName(Path file) {
        return String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    }

    /**
     * Reads the file once.
     *
     * @throws BadInputException when there is none, or it cannot be read or unpacked
     */
    public void read(Reading reading) {
        if (!Files.exists(file) || Files.isDirectory(file)) {
            throw new BadInputException(
                    file.toString(),
                    Files.exists(file) ? "is not a file" : "does not exist",
                    "give the path of a data file");
        }
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = packed.isPresent() ? packed.get().unpacking().of(raw) : raw) {
            reading.of(in);
        } catch (ZipException | EOFException | ZstdIOException e) {
            throw new BadInputException(
                    file.toString(),
                    "is no whole "
                            + packed.map(Compression::name).orElse("file of its kind")
                            + " ("
                            + e.getMessage()
                            + ")",
                    "copy it again, or rename it if it is not packed");
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "cannot be read (" + e + ")", "check its permissions");
        }
    }
}
