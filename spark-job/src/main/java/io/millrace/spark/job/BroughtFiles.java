package io.millrace.spark.job;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Small files on their way from the driver to each machine. Spark's own way for files goes through
 * Hadoop's file systems, which ask the JDK for what it has no longer.
 */
final class BroughtFiles implements Serializable {
    private static final long serialVersionUID = 1L;

    private final LinkedHashMap<String, byte[]> files = new LinkedHashMap<>();

    /**
     * Those that are here; of several of one name the first, so that the others have to lie on each
     * machine.
     */
    static BroughtFiles read(List<String> paths) {
        BroughtFiles read = new BroughtFiles();
        for (String path : paths) {
            Path file = Path.of(path);
            String name = file.getFileName().toString();
            if (Files.isRegularFile(file) && !read.files.containsKey(name)) {
                try {
                    read.files.put(name, Files.readAllBytes(file));
                } catch (IOException e) {
                    SparkTune.say(file + " cannot be read here, and is looked for on each machine");
                }
            }
        }
        return read;
    }

    /** Lays them into a folder of their own. */
    Path lay() throws IOException {
        Path folder = Files.createTempDirectory("millrace-files");
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            Files.write(folder.resolve(file.getKey()), file.getValue());
        }
        return folder;
    }

    /** Removes such a folder. */
    static void remove(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
