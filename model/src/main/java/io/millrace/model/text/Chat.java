package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.model.config.SideFile;
import io.millrace.model.text.jinja.ChatTemplate;
import io.millrace.model.text.jinja.TemplateException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Conversations as the text that a model's own chat template makes of them. */
public final class Chat {
    private static final String FILE = "chat_template.jinja";
    private static final String OLD_FILE = "chat_template.json";
    private static final String FIELD = "chat_template";
    private static final String CONFIG = "tokenizer_config.json";
    private static final String MEND = "copy the file again from the original model";

    private final String where;
    private final ChatTemplate template;
    private final Map<String, String> tokens;
    private final LocalDateTime now = LocalDateTime.now(ZoneId.systemDefault());

    private Chat(String where, ChatTemplate template, Map<String, String> tokens) {
        this.where = where;
        this.template = template;
        this.tokens = tokens;
    }

    /** A template's text and the file that it is from. */
    private record Source(String where, String text) {}

    /**
     * The template of a model's folder: {@code chat_template.jinja}, else the field of {@code
     * tokenizer_config.json}, of several templates the one named {@code default}.
     *
     * @param tokenizerConfig that file
     * @param tokens texts of special tokens by their names in templates
     * @throws BadInputException when there is none, or it is not one that can be rendered
     */
    static Chat of(Path modelDir, JsonObject tokenizerConfig, Map<String, String> tokens) {
        Source source =
                source(modelDir, tokenizerConfig)
                        .orElseThrow(() ->
                                new BadInputException(
                                        modelDir.toString(),
                                        "has no chat template, and messages are given",
                                        "add the chat_template.jinja of the model, or give text or"
                                                + " prompts and completions"));
        try {
            return new Chat(source.where(), ChatTemplate.parse(source.text()), tokens);
        } catch (TemplateException e) {
            throw bad(source.where(), e);
        }
    }

    /** Whether a folder has a template. */
    static boolean isIn(Path modelDir, JsonObject tokenizerConfig) {
        return source(modelDir, tokenizerConfig).isPresent();
    }

    private static Optional<Source> source(Path modelDir, JsonObject tokenizerConfig) {
        return ofFile(modelDir)
                .or(() ->
                        text(tokenizerConfig.raw(FIELD))
                                .map(t -> new Source(modelDir.resolve(CONFIG).toString(), t)));
    }

    private static Optional<Source> ofFile(Path modelDir) {
        Path file = modelDir.resolve(FILE);
        Path old = modelDir.resolve(OLD_FILE);
        try {
            if (Files.exists(file)) {
                if (Files.size(file) > SideFile.MAX_WHOLE_BYTES) {
                    throw new BadInputException(
                            file.toString(),
                            "has more than " + SideFile.MAX_WHOLE_BYTES + " bytes",
                            MEND);
                }
                return Optional.of(new Source(file.toString(), Files.readString(file)));
            }
        } catch (CharacterCodingException e) {
            throw new BadInputException(file.toString(), "it is not UTF-8", MEND);
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "it cannot be read: " + e, "check its permissions");
        }
        return Files.exists(old)
                ? text(SideFile.read(old, MEND).raw(FIELD)).map(t -> new Source(old.toString(), t))
                : Optional.empty();
    }

    /** A template, or the default one of a list of them. */
    private static Optional<String> text(Object field) {
        return switch (field) {
            case String text -> Optional.of(text);
            case List<?> named ->
                    named.stream()
                            .filter(one ->
                                    one instanceof Map<?, ?> map
                                            && "default".equals(map.get("name"))
                                            && map.get("template") instanceof String)
                            .map(one -> (String) ((Map<?, ?>) one).get("template"))
                            .findFirst();
            case null, default -> Optional.empty();
        };
    }

    /**
     * What a user says as the text that the model is to go on from.
     *
     * @param system what the model is told before it, if anything
     * @throws BadInputException when the template refuses it
     */
    public String prompt(Optional<String> system, String user) {
        return prompt(system, List.of(user));
    }

    /**
     * A conversation as the text that the model is to go on from.
     *
     * @param system what the model is told before it, if anything
     * @param turns what the user and the model said, by turns; the first and the last are the
     *     user's
     * @throws BadInputException when the template refuses it
     */
    public String prompt(Optional<String> system, List<String> turns) {
        List<Object> messages = new ArrayList<>();
        system.ifPresent(text -> messages.add(message("system", text)));
        for (int i = 0; i < turns.size(); i++) {
            messages.add(message(i % 2 == 0 ? "user" : "assistant", turns.get(i)));
        }
        try {
            return render(messages, null, true).text();
        } catch (TemplateException e) {
            throw bad(where, e);
        }
    }

    private static Map<String, Object> message(String role, String content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    /**
     * A conversation as text.
     *
     * @param messages in order, each a map with {@code role} and {@code content}
     * @param tools what the model may call, or null
     * @param addGenerationPrompt whether an answer's opening stands at the end
     * @throws TemplateException when the template refuses them
     */
    public ChatTemplate.Rendered render(
            List<?> messages, Object tools, boolean addGenerationPrompt) {
        Map<String, Object> variables = new HashMap<>(tokens);
        variables.put("messages", messages);
        variables.put("tools", tools);
        variables.put("documents", null);
        variables.put("add_generation_prompt", addGenerationPrompt);
        return template.render(variables, now);
    }

    private static BadInputException bad(String where, TemplateException e) {
        return new BadInputException(
                where,
                "the chat template " + e.oneLine(),
                "mend the messages, or give a template that takes them");
    }
}
