package io.millrace.model.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

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

    /** The contents of those of a model's folder, by name. */
    public static Map<String, byte[]> read(Path directory) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        try (Stream<Path> entries = Files.list(directory)) {
            for (Path path : entries.filter(Files::isRegularFile).sorted().toList()) {
                if (isOne(path.getFileName().toString())) {
                    files.put(path.getFileName().toString(), Files.readAllBytes(path));
                }
            }
        }
        return files;
    }
}
