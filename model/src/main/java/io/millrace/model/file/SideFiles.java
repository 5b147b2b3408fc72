package io.millrace.model.file;

import java.util.regex.Pattern;

/** What a model needs beside its weights, and the licences that have to travel with it. */
public final class SideFiles {
    private static final Pattern NAMES =
            Pattern.compile(
                    "config\\.json|generation_config\\.json|tokenizer.*|special_tokens_map\\.json"
                            + "|added_tokens\\.json|vocab\\.(json|txt)|merges\\.txt"
                            + "|(spiece|spm|sentencepiece.*)\\.model|chat_template\\..*|.*\\.jinja"
                            + "|(LICENSE|NOTICE|USE_POLICY).*");

    private SideFiles() {}

    /** Whether a file of that name is one. */
    public static boolean isOne(String fileName) {
        return NAMES.matcher(fileName).matches();
    }
}
