package io.millrace.model.export;

import io.millrace.memory.file.DurableFiles;
import io.millrace.model.hub.HubId;
import io.millrace.model.program.Answers;
import io.millrace.model.program.ModelProgram;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The page that goes with a model, {@code README.md} in its folder, whose head is what the hub
 * reads. A page that somebody else wrote stays.
 *
 * @param base what the model was made of: a name on the hub, or a folder's
 * @param datasets names of what it was tuned on
 * @param tags for the hub, after {@code millrace}
 * @param metrics names of the figures
 * @param kind what lies in the folder
 * @param sections what is said, in order
 */
public record ModelCard(
        String base,
        List<String> datasets,
        List<String> tags,
        List<String> metrics,
        Kind kind,
        List<Section> sections) {
    /** The page's name. */
    public static final String FILE = "README.md";

    private static final String OURS = "<!-- written by millrace, which writes it anew -->";

    /** What lies in a folder, and how Python has it. */
    public enum Kind {
        /** A whole model that goes on with text. */
        DECODER(
                """
                from transformers import AutoModelForCausalLM, AutoTokenizer

                model = AutoModelForCausalLM.from_pretrained("FOLDER")
                tokenizer = AutoTokenizer.from_pretrained("FOLDER")
                """),
        /** A whole model of another kind. */
        OTHER(
                """
                from transformers import AutoModel, AutoTokenizer

                model = AutoModel.from_pretrained("FOLDER")
                tokenizer = AutoTokenizer.from_pretrained("FOLDER")
                """),
        /** An adapter that PEFT loads. */
        ADAPTER(
                """
                from peft import PeftModel
                from transformers import AutoModelForCausalLM

                base = AutoModelForCausalLM.from_pretrained("BASE")
                model = PeftModel.from_pretrained(base, "FOLDER")
                """);

        private final String python;

        Kind(String python) {
            this.python = python;
        }

        /** That of a whole model. */
        public static Kind of(ModelProgram program) {
            return program.answers() == Answers.NEXT ? DECODER : OTHER;
        }
    }

    /**
     * Some rows under a title.
     *
     * @param title of them
     * @param rows names and values; none of them empty
     */
    public record Section(String title, Map<String, String> rows) {}

    /** Freezes the lists. */
    public ModelCard {
        datasets = List.copyOf(datasets);
        tags = List.copyOf(tags);
        metrics = List.copyOf(metrics);
        sections = List.copyOf(sections);
    }

    /**
     * What a model's folder is called elsewhere: its name on the hub where it is one of a cache,
     * else the folder's own name.
     */
    public static String name(Path folder) {
        return HubId.ofSnapshot(folder)
                .map(HubId::path)
                .orElseGet(() -> String.valueOf(folder.toAbsolutePath().normalize().getFileName()));
    }

    /** The page of a folder. */
    String text(String folder) {
        StringBuilder text = new StringBuilder("---\n");
        if (base.contains("/")) {
            text.append("base_model: ").append(Json.write(base)).append('\n');
        }
        list(text, "datasets", datasets);
        text.append("library_name: ")
                .append(kind == Kind.ADAPTER ? "peft" : "transformers")
                .append('\n');
        if (kind == Kind.DECODER) {
            text.append("pipeline_tag: text-generation\n");
        }
        list(text, "metrics", metrics);
        text.append("tags:\n- millrace\n");
        tags.forEach(tag -> text.append("- ").append(Json.write(tag)).append('\n'));
        text.append("---\n\n").append(OURS).append("\n\n# ").append(folder).append("\n\n");
        text.append(kind == Kind.ADAPTER ? "An adapter beside " : "Made of ")
                .append(base)
                .append(", with Millrace, which tunes by forward passes alone.\n\n");
        for (Section section : sections) {
            if (section.rows().isEmpty()) {
                continue;
            }
            text.append("## ").append(section.title()).append("\n\n| | |\n|---|---|\n");
            section.rows()
                    .forEach((name, value) ->
                            text.append("| ")
                                    .append(cell(name))
                                    .append(" | ")
                                    .append(cell(value))
                                    .append(" |\n"));
            text.append('\n');
        }
        text.append("## Load it\n\n```python\n")
                .append(kind.python.replace("FOLDER", folder).replace("BASE", base))
                .append("```\n");
        return text.toString();
    }

    private static void list(StringBuilder text, String name, List<String> values) {
        if (!values.isEmpty()) {
            text.append(name).append(":\n");
            values.forEach(value -> text.append("- ").append(Json.write(value)).append('\n'));
        }
    }

    private static String cell(String text) {
        return text.replace("|", "\\|").replace("\n", " ");
    }

    /**
     * Writes the page into a folder, unless one is there that is not of this program's making.
     *
     * @return whether it was written
     */
    public boolean write(Path folder) {
        Path file = folder.resolve(FILE);
        try {
            if (Files.exists(file)
                    && !(Files.isRegularFile(file) && Files.readString(file).contains(OURS))) {
                return false;
            }
        } catch (CharacterCodingException e) {
            return false; // not text, and so not ours
        } catch (IOException e) {
            throw DurableFiles.failed("reading", file, e);
        }
        String name = String.valueOf(folder.toAbsolutePath().normalize().getFileName());
        DurableFiles.system().replace(file, text(name).getBytes(StandardCharsets.UTF_8));
        return true;
    }
}
