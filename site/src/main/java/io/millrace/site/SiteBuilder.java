package io.millrace.site;

import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Makes the site of a checkout's Markdown files. Nothing in it is loaded from elsewhere. */
public final class SiteBuilder {
    private static final List<String> FILES = List.of("site.css", "site.js");

    private final Path root;
    private final Map<String, List<SitePage>> parts = new LinkedHashMap<>();
    private final Map<String, Rendering> rendered = new LinkedHashMap<>();
    private final List<Link> links = new ArrayList<>();
    private final Set<String> listed = new LinkedHashSet<>();
    private final Map<String, String> copies = new LinkedHashMap<>();

    /** A link within the site, to be looked at when all pages are known. */
    private record Link(String source, String written, String page, String anchor) {}

    private SiteBuilder(Path root) {
        this.root = root;
    }

    /**
     * Writes the site.
     *
     * @param arguments the checkout's root, and the folder that is written
     * @throws IllegalStateException naming every link that leads nowhere, and every file of docs
     *     that the contents leave out
     */
    public static void main(String[] arguments) throws IOException {
        build(Path.of(arguments[0]), Path.of(arguments[1]));
    }

    /** Writes the site of a checkout into a folder, and returns how many pages it has. */
    static int build(Path root, Path out) throws IOException {
        SiteBuilder site = new SiteBuilder(root);
        site.collect(Contents.read());
        List<SitePage> pages = site.parts.values().stream().flatMap(List::stream).toList();
        for (SitePage page : pages) {
            site.rendered.put(
                    page.target(),
                    new Rendering(
                            page.markdown(), (to, picture) -> site.address(page, to, picture)));
        }
        site.requireAllThere();
        for (SitePage page : pages) {
            write(out.resolve(page.target()), site.html(page));
        }
        // A script and not data: pages work from a folder, where a browser fetches nothing.
        write(
                out.resolve("search.js"),
                "window.millracePassages = " + site.searched(pages) + ";\n");
        for (String file : FILES) {
            write(out.resolve(file), resource(file));
        }
        for (Map.Entry<String, String> copy : site.copies.entrySet()) {
            Path to = out.resolve(copy.getValue());
            Files.createDirectories(to.getParent());
            Files.write(to, Files.readAllBytes(root.resolve(copy.getKey())));
        }
        return pages.size();
    }

    private void collect(Contents contents) throws IOException {
        for (Contents.Part part : contents.parts()) {
            List<SitePage> pages = new ArrayList<>();
            for (Contents.Entry entry : part.entries()) {
                String markdown = Files.readString(root.resolve(entry.file()));
                listed.add(entry.file());
                if (entry.rows()) {
                    pages.addAll(new RowPages(entry.file(), markdown).of(entry.section()));
                } else {
                    pages.add(SitePage.ofFile(entry.file(), markdown));
                }
            }
            parts.put(part.name(), pages);
        }
    }

    /** What a link of a page's source becomes in the site. */
    private String address(SitePage page, String to, boolean picture) {
        if (to.startsWith("http://") || to.startsWith("https://")) {
            return to;
        }
        int mark = to.indexOf('#');
        String anchor = mark < 0 ? "" : to.substring(mark + 1);
        String path = mark < 0 ? to : to.substring(0, mark);
        Path from = Path.of(page.source());
        String file =
                path.isEmpty()
                        ? page.source()
                        : (from.getParent() == null
                                        ? Path.of(path)
                                        : from.getParent().resolve(path))
                                .normalize()
                                .toString();
        if (picture || !listed.contains(file)) {
            // What is no page goes along as it is, as text that a browser shows.
            copies.put(file, picture ? file : "files/" + file + ".txt");
            return page.toRoot() + copies.get(file);
        }
        String target = SitePage.target(file);
        links.add(new Link(page.source(), to, target, anchor));
        // Only pages of files have the anchors that a page of a row was written with.
        boolean here = path.isEmpty() && target.equals(page.target());
        return (here ? "" : page.toRoot() + target) + (anchor.isEmpty() ? "" : "#" + anchor);
    }

    private void requireAllThere() throws IOException {
        List<String> missing = new ArrayList<>();
        for (Link link : links) {
            Rendering page = rendered.get(link.page());
            if (page == null
                    || !(link.anchor().isEmpty() || page.anchors().contains(link.anchor()))) {
                missing.add(link.source() + ": " + link.written() + " leads nowhere");
            }
        }
        for (String file : copies.keySet()) {
            if (!Files.isRegularFile(root.resolve(file))) {
                missing.add(file + " is not there");
            }
        }
        try (Stream<Path> files = Files.list(root.resolve("docs"))) {
            files.map(file -> "docs/" + file.getFileName())
                    .filter(file -> file.endsWith(".md") && !listed.contains(file))
                    .sorted()
                    .forEach(file -> missing.add(file + " is not in contents.txt"));
        }
        if (!missing.isEmpty()) {
            throw new IllegalStateException(String.join("\n", new LinkedHashSet<>(missing)));
        }
    }

    private String html(SitePage page) {
        StringBuilder navigation = new StringBuilder();
        parts.forEach((name, pages) -> {
            boolean open = pages.contains(page);
            navigation.append(open ? "<details open>" : "<details>");
            navigation.append("<summary>").append(escaped(name)).append("</summary><ul>\n");
            for (SitePage other : pages) {
                navigation.append("<li><a href=\"").append(page.toRoot()).append(other.target());
                navigation.append(other.equals(page) ? "\" aria-current=\"page\">" : "\">");
                navigation.append(escaped(other.title())).append("</a></li>\n");
            }
            navigation.append("</ul></details>\n");
        });
        return resource("page.html")
                .replace("{{title}}", escaped(page.title()))
                .replace("{{root}}", page.toRoot())
                .replace("{{navigation}}", navigation)
                .replace("{{body}}", rendered.get(page.target()).html());
    }

    private String searched(List<SitePage> pages) {
        List<Map<String, Object>> passages = new ArrayList<>();
        for (SitePage page : pages) {
            for (Rendering.Passage passage : rendered.get(page.target()).passages(page.title())) {
                Map<String, Object> fields = new LinkedHashMap<>();
                fields.put("page", page.title());
                fields.put("heading", passage.heading());
                fields.put(
                        "to",
                        page.target() + (passage.anchor().isEmpty() ? "" : "#" + passage.anchor()));
                fields.put("text", passage.text());
                passages.add(fields);
            }
        }
        return Json.write(passages);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private static String resource(String name) {
        try (InputStream in = SiteBuilder.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(name, e);
        }
    }

    private static void write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
