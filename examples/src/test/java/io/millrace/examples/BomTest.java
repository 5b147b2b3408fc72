package io.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The list of versions has no parent to take its own from, and no list of modules. */
class BomTest {
    private static final Pattern VERSION = Pattern.compile("<version>([^<$]+)</version>");
    private static final Pattern MODULE = Pattern.compile("<module>([^<]+)</module>");
    private static final List<String> NOT_PUBLISHED = List.of("bom", "bench", "examples", "site");

    private static String artifact(Path pom) throws IOException {
        String text = Files.readString(pom);
        int own = text.indexOf("<artifactId>", text.indexOf("</parent>")) + "<artifactId>".length();
        return text.substring(own, text.indexOf('<', own));
    }

    @Test
    void itHasEveryPublishedModuleInTheVersionOfTheParent() throws IOException {
        String parent = Files.readString(Path.of("../pom.xml"));
        String bom = Files.readString(Path.of("../bom/pom.xml"));
        Matcher wanted = VERSION.matcher(parent);
        Matcher found = VERSION.matcher(bom);
        assertThat(wanted.find() && found.find()).isTrue();
        assertThat(found.group(1)).isEqualTo(wanted.group(1));
        Matcher modules = MODULE.matcher(parent);
        int published = 0;
        while (modules.find()) {
            if (!NOT_PUBLISHED.contains(modules.group(1))) {
                published++;
                assertThat(bom)
                        .contains(
                                "<artifactId>"
                                        + artifact(Path.of("..", modules.group(1), "pom.xml"))
                                        + "</artifactId>");
            }
        }
        assertThat(published).isGreaterThan(7);
    }
}
