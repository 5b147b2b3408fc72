package io.millrace.spark.job;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The journal of a run that may begin again on other machines: whoever has the most of it gives it
 * to worker 0, whose folder may have been lost with its machine. Workers compare their journals
 * themselves, by checksums: here lengths are enough.
 */
final class JournalMove {
    private static final String JOURNAL = "journal.jsonl";

    private final Path out;

    JournalMove(String out) {
        this.out = Path.of(out);
    }

    /** The longest that lies on this machine. */
    Optional<Path> longest() {
        List<Path> found = new ArrayList<>();
        found.add(out.resolve(JOURNAL));
        if (Files.isDirectory(out)) {
            try (Stream<Path> folders = Files.list(out)) {
                folders.filter(folder -> folder.getFileName().toString().startsWith("worker-"))
                        .forEach(folder -> found.add(folder.resolve(JOURNAL)));
            } catch (IOException e) {
                throw new UncheckedIOException(out + " cannot be read", e);
            }
        }
        return found.stream()
                .filter(Files::isRegularFile)
                .max(Comparator.comparingLong(JournalMove::length));
    }

    /** Bytes of the longest; 0 where there is none. */
    long longestBytes() {
        return longest().map(JournalMove::length).orElse(0L);
    }

    String read() {
        try {
            return Files.readString(longest().orElseThrow());
        } catch (IOException e) {
            throw new UncheckedIOException("the journal in " + out + " cannot be read", e);
        }
    }

    /** Puts a journal into worker 0's folder, in the place of a shorter one. */
    void write(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Path journal = out.resolve(JOURNAL);
        Path part = out.resolve(JOURNAL + ".part");
        try {
            Files.createDirectories(out);
            if (length(journal) >= bytes.length) {
                return;
            }
            Files.write(part, bytes);
            try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Files.move(part, journal, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(journal + " cannot be written", e);
        }
    }

    private static long length(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read", e);
        }
    }
}
