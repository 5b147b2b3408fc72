package io.millrace.model.text.published;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A token that is found in text as it is, before the vocabulary's own rules.
 *
 * @param content its text
 * @param singleWord whether it counts only where no letter stands beside it
 * @param lstrip whether white space before it belongs to it
 * @param rstrip whether white space behind it belongs to it
 * @param normalized whether it is looked for after the normaliser
 * @param special whether decoding leaves it out
 */
record AddedToken(
        String content,
        boolean singleWord,
        boolean lstrip,
        boolean rstrip,
        boolean normalized,
        boolean special) {

    /** A mark such as {@code <s>}, found as it is written. */
    static AddedToken mark(String content) {
        return new AddedToken(content, false, false, false, false, true);
    }

    AddedToken asSpecial() {
        return new AddedToken(content, singleWord, lstrip, rstrip, normalized, true);
    }

    /** As {@code tokenizer.json} has it. */
    Map<String, Object> json(int id) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("id", id);
        json.put("content", content);
        json.put("single_word", singleWord);
        json.put("lstrip", lstrip);
        json.put("rstrip", rstrip);
        json.put("normalized", normalized);
        json.put("special", special);
        return json;
    }
}
