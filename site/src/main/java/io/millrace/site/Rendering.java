package io.millrace.site;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import org.commonmark.Extension;
import org.commonmark.ext.gfm.tables.TableBlock;
import org.commonmark.ext.gfm.tables.TableCell;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.node.AbstractVisitor;
import org.commonmark.node.Code;
import org.commonmark.node.FencedCodeBlock;
import org.commonmark.node.Heading;
import org.commonmark.node.Image;
import org.commonmark.node.IndentedCodeBlock;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.Paragraph;
import org.commonmark.node.Text;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.HtmlRenderer;

/** A page as HTML, its headings, and what it says under each. */
final class Rendering {
    private static final List<Extension> EXTENSIONS = List.of(TablesExtension.create());
    private static final Parser PARSER = Parser.builder().extensions(EXTENSIONS).build();

    private final Node document;
    private final Map<Heading, String> slugs = new LinkedHashMap<>();

    /**
     * @param links gives a link's new address; it is asked once a link or picture with what the
     *     source has, and whether it is a picture
     */
    Rendering(String markdown, BiFunction<String, Boolean, String> links) {
        document = PARSER.parse(markdown);
        Slugs made = new Slugs();
        document.accept(
                new AbstractVisitor() {
                    @Override
                    public void visit(Heading heading) {
                        slugs.put(heading, made.of(text(heading)));
                        visitChildren(heading);
                    }

                    @Override
                    public void visit(Link link) {
                        link.setDestination(links.apply(link.getDestination(), false));
                        visitChildren(link);
                    }

                    @Override
                    public void visit(Image image) {
                        image.setDestination(links.apply(image.getDestination(), true));
                        visitChildren(image);
                    }
                });
    }

    Set<String> anchors() {
        return Set.copyOf(slugs.values());
    }

    String html() {
        HtmlRenderer renderer =
                HtmlRenderer.builder()
                        .extensions(EXTENSIONS)
                        .attributeProviderFactory(_ ->
                                (node, _, attributes) -> {
                                    if (node instanceof Heading heading) {
                                        attributes.put("id", slugs.get(heading));
                                    } else if (node instanceof TableBlock
                                            || node instanceof FencedCodeBlock
                                            || node instanceof IndentedCodeBlock) {
                                        // What is wider than the page is moved with the keyboard
                                        // too.
                                        attributes.put("tabindex", "0");
                                    } else if (node instanceof Image) {
                                        attributes.put("loading", "lazy");
                                    }
                                })
                        .build();
        return renderer.render(document);
    }

    /**
     * What search finds.
     *
     * @param anchor of the heading, or empty for what stands before the first
     * @param heading its text
     * @param text all that stands under it
     */
    record Passage(String anchor, String heading, String text) {}

    List<Passage> passages(String title) {
        List<Passage> passages = new ArrayList<>();
        String anchor = "";
        String heading = title;
        StringBuilder text = new StringBuilder();
        for (Node node = document.getFirstChild(); node != null; node = node.getNext()) {
            if (node instanceof Heading next) {
                add(passages, anchor, heading, text);
                anchor = slugs.get(next);
                heading = text(next);
            } else {
                text.append(text(node)).append(' ');
            }
        }
        add(passages, anchor, heading, text);
        return passages;
    }

    private static void add(
            List<Passage> passages, String anchor, String heading, StringBuilder text) {
        if (!text.isEmpty()) {
            passages.add(
                    new Passage(anchor, heading, text.toString().strip().replaceAll("\\s+", " ")));
            text.setLength(0);
        }
    }

    /** The words of a node, without marks. */
    private static String text(Node node) {
        StringBuilder text = new StringBuilder();
        node.accept(
                new AbstractVisitor() {
                    @Override
                    public void visit(Text part) {
                        text.append(part.getLiteral());
                    }

                    @Override
                    public void visit(Code part) {
                        text.append(part.getLiteral());
                    }

                    @Override
                    public void visit(FencedCodeBlock part) {
                        text.append(part.getLiteral());
                    }

                    @Override
                    public void visit(IndentedCodeBlock part) {
                        text.append(part.getLiteral());
                    }

                    @Override
                    protected void visitChildren(Node parent) {
                        super.visitChildren(parent);
                        if (parent instanceof Paragraph || parent instanceof TableCell) {
                            text.append(' ');
                        }
                    }
                });
        return text.toString();
    }
}
