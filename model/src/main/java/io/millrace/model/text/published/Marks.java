package io.millrace.model.text.published;

import static io.millrace.model.text.published.FastTokenizer.object;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a class puts around a text.
 *
 * @param rules with {@code add_bos_token} and {@code add_eos_token}
 * @param ids of the tokens by role
 */
record Marks(TokenizerRules rules, Map<String, Integer> ids) {

    /** The marks that the configuration asks for, none where it asks for none. */
    Map<String, Object> asConfigured(Map<String, AddedToken> named) {
        List<String> before =
                rules.config().bool("add_bos_token", false) ? List.of("bos") : List.of();
        List<String> behind =
                rules.config().bool("add_eos_token", false) ? List.of("eos") : List.of();
        return template(named, before, behind);
    }

    /** A template of the tokens that have these roles; roles without a token are left out. */
    Map<String, Object> template(
            Map<String, AddedToken> named, List<String> before, List<String> behind) {
        Map<String, Object> special = new LinkedHashMap<>();
        List<Object> single = new ArrayList<>();
        addMarks(single, special, named, before);
        single.add(object("Sequence", object("id", "A", "type_id", 0)));
        addMarks(single, special, named, behind);
        List<Object> pair = new ArrayList<>(single);
        pair.add(object("Sequence", object("id", "B", "type_id", 1)));
        return object(
                "type", "TemplateProcessing",
                "single", single,
                "pair", pair,
                "special_tokens", special);
    }

    private void addMarks(
            List<Object> pieces,
            Map<String, Object> special,
            Map<String, AddedToken> named,
            List<String> roles) {
        for (String role : roles) {
            if (named.containsKey(role)) {
                String token = named.get(role).content();
                pieces.add(object("SpecialToken", object("id", token, "type_id", 0)));
                special.put(
                        token,
                        object(
                                "id",
                                token,
                                "ids",
                                List.of((long) ids.get(role)),
                                "tokens",
                                List.of(token)));
            }
        }
    }
}
