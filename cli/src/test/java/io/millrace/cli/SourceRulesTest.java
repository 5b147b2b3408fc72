package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a reader may rely on: rooms of a size, files of a length, one name for one thing. */
class SourceRulesTest {
    private static final int MOST_CLASSES = 26;
    private static final int MOST_LINES = 510;

    @Test
    void noPackageHasMoreClassesThanAReaderHolds() throws IOException {
        Map<Path, Integer> sizes = new TreeMap<>();
        for (Path file : sources()) {
            sizes.merge(file.getParent(), 1, Integer::sum);
        }
        sizes.values().removeIf(size -> size <= MOST_CLASSES);
        assertThat(sizes).isEmpty();
    }

    @Test
    void everyPackageSaysWhatItIs() throws IOException {
        for (Path file : sources()) {
            assertThat(file.resolveSibling("package-info.java")).exists();
        }
    }

    @Test
    void noTwoClassesHaveOneName() throws IOException {
        Map<String, List<Path>> named = new TreeMap<>();
        for (Path file : sources()) {
            named.computeIfAbsent(file.getFileName().toString(), _ -> new ArrayList<>()).add(file);
        }
        named.values().removeIf(files -> files.size() == 1);
        assertThat(named.values()).isEmpty();
    }

    @Test
    void noFileIsLongerThanAReaderFollows() throws IOException {
        TreeSet<String> tooLong = new TreeSet<>();
        for (Path file : sources()) {
            try (Stream<String> lines = Files.lines(file)) {
                long count = lines.count();
                if (count > MOST_LINES) {
                    tooLong.add(file + " has " + count + " lines");
                }
            }
        }
        assertThat(tooLong).isEmpty();
    }

    /** Every class of the product, but not what describes a package. */
    private static List<Path> sources() throws IOException {
        Path root = Path.of("").toAbsolutePath().getParent();
        List<Path> files = new ArrayList<>();
        try (Stream<Path> modules = Files.list(root)) {
            for (Path module : modules.sorted().toList()) {
                Path source = module.resolve("src/main/java");
                if (Files.isDirectory(source)) {
                    try (Stream<Path> all = Files.walk(source)) {
                        all.filter(file -> file.toString().endsWith(".java"))
                                .filter(file -> !file.endsWith("package-info.java"))
                                .forEach(files::add);
                    }
                }
            }
        }
        assertThat(files).hasSizeGreaterThan(400);
        return files;
    }
}
