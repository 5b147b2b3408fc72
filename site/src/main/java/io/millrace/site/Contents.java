package io.millrace.site;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The order of the site: parts, each with its pages. Lines of {@code contents.txt}: a part's name,
 * or, indented, a Markdown file by its path from the root, or {@code * FILE#SECTION}: a page of
 * each row of that section's tables.
 */
record Contents(List<Part> parts) {
    /** What stands under one name. */
    record Part(String name, List<Entry> entries) {}

    /** A file, or the rows of the tables of one of its sections. */
    record Entry(String file, String section) {
        boolean rows() {
            return !section.isEmpty();
        }
    }

    static Contents read() throws IOException {
        try (InputStream in = Contents.class.getResourceAsStream("contents.txt")) {
            return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    static Contents parse(String text) {
        List<Part> parts = new ArrayList<>();
        for (String line : text.lines().filter(line -> !line.isBlank()).toList()) {
            if (!line.startsWith(" ")) {
                parts.add(new Part(line.strip(), new ArrayList<>()));
                continue;
            }
            String entry = line.strip();
            if (!entry.startsWith("* ")) {
                parts.getLast().entries().add(new Entry(entry, ""));
                continue;
            }
            int mark = entry.indexOf('#');
            parts.getLast()
                    .entries()
                    .add(new Entry(entry.substring(2, mark), entry.substring(mark + 1)));
        }
        return new Contents(parts);
    }
}
