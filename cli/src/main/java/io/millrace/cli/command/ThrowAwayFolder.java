package io.millrace.cli.command;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** A folder of our own making that is gone again, with all that is in it, once it is closed. */
public final class ThrowAwayFolder implements AutoCloseable {
    private final Path path;

    private ThrowAwayFolder(Path path) {
        this.path = path;
    }

    /**
     * Makes a new folder inside one that is there.
     *
     * @param mend how to have it elsewhere
     */
    public static ThrowAwayFolder in(Path parent, String mend) {
        try {
            return new ThrowAwayFolder(Files.createTempDirectory(parent, ".millrace-"));
        } catch (IOException e) {
            throw new BadInputException(
                    parent.toString(),
                    "no folder can be made there for what the work leaves behind",
                    mend);
        }
    }

    /** Where it is. */
    public Path path() {
        return path;
    }

    @Override
    public void close() {
        try (Stream<Path> entries = Files.walk(path)) {
            for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(entry);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be removed", e);
        }
    }
}
