package io.millrace.site;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The site of this checkout, and what becomes of a link that leads nowhere. */
class SiteTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final Pattern HREF = Pattern.compile("(?:href|src)=\"([^\"#]*)(?:#([^\"]*))?\"");

    @TempDir Path temp;

    @Test
    void everyLinkOfEveryPageIsToSomethingThatIsThere() throws IOException {
        int pages = SiteBuilder.build(ROOT, temp);
        List<Path> files;
        try (Stream<Path> all = Files.walk(temp)) {
            files = all.filter(file -> file.toString().endsWith(".html")).toList();
        }
        assertThat(files).hasSize(pages).hasSizeGreaterThan(50);
        for (Path file : files) {
            Matcher links = HREF.matcher(Files.readString(file));
            while (links.find()) {
                if (!links.group(1).contains(":")) {
                    Path to =
                            links.group(1).isEmpty()
                                    ? file
                                    : file.resolveSibling(links.group(1)).normalize();
                    assertThat(to).as("%s: %s", file, links.group()).isRegularFile();
                    if (links.group(2) != null && !links.group(2).isEmpty()) {
                        assertThat(Files.readString(to))
                                .as("%s: %s", file, links.group())
                                .contains("id=\"" + links.group(2) + "\"");
                    }
                }
            }
        }
    }

    @Test
    void methodsAndTasksHavePagesOfTheirOwn() throws IOException {
        SiteBuilder.build(ROOT, temp);
        assertThat(Files.readString(temp.resolve("methods/fzoo.html")))
                .contains("2506.09034", "<td>source</td>");
        // Of decoders and of masked models.
        assertThat(Files.readString(temp.resolve("data/sst2.html")))
                .contains("{sentence} It was", "[M]");
        assertThat(Files.readString(temp.resolve("search.js"))).contains("methods/fzoo.html");
    }

    @Test
    void aLinkThatLeadsNowhereIsNamed() throws IOException {
        for (Contents.Part part : Contents.read().parts()) {
            for (Contents.Entry entry : part.entries()) {
                Path file = temp.resolve(entry.file());
                Files.createDirectories(file.getParent());
                Files.writeString(
                        file,
                        "# Page\n\n| name | is |\n|---|---|\n| one | two |\n\n## The tasks\n\n| task | is |\n|---|---|\n| three | four |\n");
            }
        }
        Path methods = temp.resolve("docs/methods.md");
        Files.writeString(methods, Files.readString(methods).replace("# Page", "# Methods"));
        Path out = temp.resolve("out");
        SiteBuilder.build(temp, out);
        Files.writeString(
                temp.resolve("docs/memory.md"),
                "# Memory\n\n[a](files.md#page) [b](files.md#gone) [c](gone.md) ![d](gone.png)\n");
        Files.writeString(temp.resolve("docs/unlisted.md"), "# Unlisted\n");
        assertThatThrownBy(() -> SiteBuilder.build(temp, out))
                .hasMessage(
                        """
                        docs/memory.md: files.md#gone leads nowhere
                        docs/gone.md is not there
                        docs/gone.png is not there
                        docs/unlisted.md is not in contents.txt\
                        """);
    }

    @Test
    void headingsAreNamedAsPlacesThatShowMarkdownNameThem() {
        Slugs slugs = new Slugs();
        assertThat(slugs.of("What `--tune` takes: a (small) part"))
                .isEqualTo("what---tune-takes-a-small-part");
        assertThat(slugs.of("Again")).isEqualTo("again");
        assertThat(slugs.of("Again")).isEqualTo("again-1");
        assertThat(new Rendering("# A _b_ `c`\n", (to, _) -> to).anchors())
                .isEqualTo(Set.of("a-b-c"));
    }
}
