package io.millrace.executor.run;

import io.millrace.memory.file.DurableFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** What stops leave in a run's folder that no run reads again. */
final class Leftovers {
    private Leftovers() {}

    /** Files that were being written, and checkpoints that were not whole yet. */
    static List<Path> halfDone(Path runFolder) {
        List<Path> found = new ArrayList<>();
        for (Path entry : entries(runFolder)) {
            if (DurableFiles.isPart(entry)) {
                found.add(entry);
            }
        }
        found.addAll(new RunCheckpoints(runFolder).unmarked());
        return found;
    }

    /** The entries of a folder, in order; none where there is no such folder. */
    static List<Path> entries(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be read", e);
        }
    }

    /** Removes a file, or a folder with all that is in it. */
    static void remove(Path path) {
        try (Stream<Path> files = Files.walk(path)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be removed", e);
        }
    }
}
