package io.millrace.executor.config.recipe;

import io.millrace.memory.BadInputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/** Reads a recipe in YAML 1.2: options by name, one below the other. */
public final class YamlFields {
    private static final String MEND = "write options by name, such as lr: 1e-6";
    private static final LoadSettings SETTINGS =
            LoadSettings.builder().setMaxAliasesForCollections(0).build();

    private final String source;
    private final Map<String, Integer> lines = new HashMap<>();

    private YamlFields(String source) {
        this.source = source;
    }

    /**
     * The fields in their order, each with its line.
     *
     * @param source what the text is of, for messages
     * @throws BadInputException where it is not YAML, or not one mapping of names
     */
    public static List<RecipeField> read(String source, String text) {
        return new YamlFields(source).read(text);
    }

    private List<RecipeField> read(String text) {
        Node root = root(text);
        if (!(root instanceof MappingNode mapping)) {
            throw refused(line(root.getStartMark()), "is no recipe: no option has a name", MEND);
        }
        List<RecipeField> fields = new ArrayList<>();
        for (NodeTuple tuple : mapping.getValue()) {
            fields.add(field(tuple));
        }
        return fields;
    }

    private Node root(String text) {
        try {
            Iterator<Node> documents = new Compose(SETTINGS).composeAllFromString(text).iterator();
            if (!documents.hasNext()) {
                throw new BadInputException(source, "says nothing", MEND);
            }
            Node root = documents.next();
            if (documents.hasNext()) {
                throw refused(
                        line(documents.next().getStartMark()),
                        "another document begins",
                        "write one file a recipe");
            }
            return root;
        } catch (MarkedYamlEngineException e) {
            throw refused(
                    line(e.getProblemMark().or(e::getContextMark)),
                    "is not YAML: " + e.getProblem(),
                    "quote texts that have signs of YAML in them, and indent with spaces");
        } catch (YamlEngineException e) {
            throw new BadInputException(source, "is not YAML: " + e.getMessage(), MEND);
        }
    }

    private RecipeField field(NodeTuple tuple) {
        int line = line(tuple.getKeyNode().getStartMark());
        if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
            throw refused(line, "a name is not a text", MEND);
        }
        String name = key.getValue();
        Integer before = lines.putIfAbsent(name, line);
        if (before != null) {
            throw refused(
                    line, "'" + name + "' was said in line " + before, "leave one of them out");
        }
        if (tuple.getValueNode() instanceof MappingNode) {
            throw refused(
                    line,
                    "'" + name + "' is a section, and a recipe has none",
                    "write its options at the left, by their own names");
        }
        return new RecipeField(
                place(line), RecipeField.Form.YAML, name, new YamlValue(tuple.getValueNode()));
    }

    private static int line(Optional<Mark> mark) {
        return mark.map(Mark::getLine).orElse(0) + 1;
    }

    private String place(int line) {
        return source + ", line " + line;
    }

    private BadInputException refused(int line, String fault, String mend) {
        return new BadInputException(place(line), fault, mend);
    }
}
