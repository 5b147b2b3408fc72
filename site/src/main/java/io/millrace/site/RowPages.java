package io.millrace.site;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Pages that a file does not have as such: one a row of a section's tables, with what the row says
 * and the section of the row's name, where the file has one.
 */
final class RowPages {
    private static final Pattern LINKED = Pattern.compile("\\[([^]]+)]\\(#[^)]*\\)");
    private static final Pattern CELLS = Pattern.compile("(?<!\\\\)\\|");

    private final String file;
    private final List<String> lines;

    RowPages(String file, String markdown) {
        this.file = file;
        this.lines = markdown.lines().toList();
    }

    /** A page each row of the tables between a section's heading and the next one. */
    List<SitePage> of(String section) {
        String folder = SitePage.target(file).replace(".html", "/");
        List<SitePage> pages = new ArrayList<>();
        List<String> head = null;
        for (String line : section(section)) {
            if (height(line) > 0) {
                break;
            } else if (!line.startsWith("|")) {
                head = null;
            } else if (head == null) {
                head = cells(line);
            } else if (!line.startsWith("|--")) {
                add(pages, folder, head, cells(line));
            }
        }
        if (pages.isEmpty()) {
            throw new IllegalArgumentException(file + ": '" + section + "' has no rows");
        }
        return pages;
    }

    private void add(List<SitePage> pages, String folder, List<String> head, List<String> cells) {
        String name = bare(cells.getFirst());
        String target = folder + name + ".html";
        StringBuilder markdown = new StringBuilder();
        int before = -1;
        for (int i = 0; i < pages.size(); i++) {
            before = pages.get(i).target().equals(target) ? i : before;
        }
        if (before < 0) {
            markdown.append("# ").append(name).append("\n\n");
        }
        markdown.append("| ")
                .append(head.getFirst())
                .append(" | ")
                .append(name)
                .append(" |\n|---|---|\n");
        for (int i = 1; i < head.size(); i++) {
            if (!cells.get(i).isEmpty()) {
                markdown.append("| ").append(head.get(i)).append(" | ");
                markdown.append(cells.get(i)).append(" |\n");
            }
        }
        if (before >= 0) {
            // A task of decoders and of masked models: both tables on one page.
            SitePage first = pages.get(before);
            pages.set(before, new SitePage(file, target, name, first.markdown() + "\n" + markdown));
            return;
        }
        markdown.append('\n');
        section(name).forEach(line -> markdown.append(line).append('\n'));
        markdown.append("\nBeside the others: [").append(SitePage.ofFile(file, whole()).title());
        markdown.append("](").append(file.substring(file.lastIndexOf('/') + 1)).append(").\n");
        pages.add(new SitePage(file, target, name, markdown.toString()));
    }

    private String whole() {
        return String.join("\n", lines);
    }

    /** What stands between a heading and the next of its height; nothing where there is no such. */
    private List<String> section(String name) {
        List<String> section = new ArrayList<>();
        int height = 0;
        for (String line : lines) {
            int here = height(line);
            if (height > 0 && here > 0 && here <= height) {
                break;
            }
            if (height > 0) {
                section.add(line);
            } else if (here > 0 && line.substring(here).strip().equalsIgnoreCase(name)) {
                height = here;
            }
        }
        return section;
    }

    private static int height(String line) {
        int height = 0;
        while (height < line.length() && line.charAt(height) == '#') {
            height++;
        }
        return height < line.length() && line.charAt(height) == ' ' ? height : 0;
    }

    private static List<String> cells(String line) {
        String inner = line.strip().substring(1, line.strip().length() - 1);
        return Arrays.stream(CELLS.split(inner, -1)).map(String::strip).toList();
    }

    private static String bare(String cell) {
        Matcher linked = LINKED.matcher(cell);
        return (linked.matches() ? linked.group(1) : cell).replace("`", "");
    }
}
