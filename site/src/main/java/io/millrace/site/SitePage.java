package io.millrace.site;

import java.util.Locale;

/**
 * A page before it is rendered.
 *
 * @param source the Markdown file that it comes of, from the root: links in it are relative to that
 * @param target where the page lies in the site
 * @param title what the navigation and the browser show
 * @param markdown what it says
 */
record SitePage(String source, String target, String title, String markdown) {
    static SitePage ofFile(String file, String markdown) {
        String title =
                markdown.lines()
                        .filter(line -> line.startsWith("# "))
                        .findFirst()
                        .map(line -> line.substring(2).strip())
                        .orElseThrow(() -> new IllegalArgumentException(file + " has no title"));
        return new SitePage(file, target(file), title, markdown);
    }

    /** Where the page of a file lies: beside the others, by its name alone. */
    static String target(String file) {
        if (file.equals("README.md")) {
            return "index.html";
        }
        String name = file.substring(file.lastIndexOf('/') + 1);
        return name.substring(0, name.length() - ".md".length()).toLowerCase(Locale.ROOT) + ".html";
    }

    /** The way from this page to the site's root: empty, or {@code ../}. */
    String toRoot() {
        return "../".repeat((int) target.chars().filter(c -> c == '/').count());
    }
}
