package io.millrace.model.text.published;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A tokenizer as {@code tokenizer.json} would hold it.
 *
 * @param json the file's value, as {@link io.millrace.telemetry.json.Json#write} takes it
 * @param ids the id of each token by role, such as {@code bos}
 * @param vocabSize one more than the largest id
 */
public record FastTokenizer(Map<String, Object> json, Map<String, Integer> ids, int vocabSize) {

    /** The id of the token that has a role. */
    public OptionalInt id(String role) {
        Integer id = ids.get(role);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** What is put around a text, as the file's {@code post_processor}. */
    public Object postProcessor() {
        return json.get("post_processor");
    }

    /** The parts of {@code tokenizer.json} that differ from class to class. */
    record Parts(
            Map<String, Object> model,
            Optional<Map<String, Object>> normalizer,
            Map<String, Object> preTokenizer,
            Map<String, Object> postProcessor,
            Map<String, Object> decoder) {

        Map<String, Object> json(List<Map<String, Object>> added) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("version", "1.0");
            json.put("truncation", null);
            json.put("padding", null);
            json.put("added_tokens", added);
            json.put("normalizer", normalizer.orElse(null));
            json.put("pre_tokenizer", preTokenizer);
            json.put("post_processor", postProcessor);
            json.put("decoder", decoder);
            json.put("model", model);
            return json;
        }
    }

    /** Fields by name, in order. */
    static Map<String, Object> object(Object... namesAndValues) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            object.put(namesAndValues[i].toString(), namesAndValues[i + 1]);
        }
        return object;
    }
}
