package io.millrace.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/** The model folders among the test resources, and copies of them to damage. */
public final class TestModels {
    public static final Path SHARDED = resource("stories260k-sharded");
    public static final Path GPT2 = resource("golden/gpt2-hubnames");

    private TestModels() {}

    public static Path resource(String name) {
        try {
            return Path.of(TestModels.class.getResource("/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The names of all golden folders. */
    public static List<String> goldenNames() {
        return list(resource("golden")).stream().map(p -> p.getFileName().toString()).toList();
    }

    public static List<Path> list(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A copy that a test may change. */
    static Path copy(Path folder, Path target) {
        try {
            Files.createDirectories(target);
            for (Path file : list(folder)) {
                Files.copy(
                        file,
                        target.resolve(file.getFileName().toString()),
                        StandardCopyOption.REPLACE_EXISTING);
            }
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Replaces text in a file; fails where the text is not there. */
    static void replace(Path file, String old, String replacement) {
        try {
            String text = Files.readString(file);
            if (!text.contains(old)) {
                throw new IllegalArgumentException(file + " has no " + old);
            }
            Files.writeString(file, text.replace(old, replacement));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
