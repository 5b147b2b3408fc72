package io.millrace.model.architecture.decoder;

import io.millrace.model.config.ModelConfig;
import java.util.Set;

/** What the names of a checkpoint's tensors say about its layout. */
public final class Naming {
    private Naming() {}

    /**
     * The prefix under which a checkpoint stores a tensor that every one of its family has.
     *
     * @param names all names, or none
     * @param probe the tensor without prefix
     * @param prefixes in order of preference; the first one where none fits
     */
    public static String prefix(Set<String> names, String probe, String... prefixes) {
        for (String prefix : prefixes) {
            if (names.contains(prefix + probe)) {
                return prefix;
            }
        }
        return prefixes[0];
    }

    /**
     * Whether the head is the embedding: because the configuration says so or, where it is silent,
     * because no head is stored.
     */
    public static boolean isTied(
            ModelConfig config, Set<String> names, String head, boolean tiedByDefault) {
        if (config.has("tie_word_embeddings")) {
            return config.bool("tie_word_embeddings", tiedByDefault);
        }
        return tiedByDefault || (!names.isEmpty() && !names.contains(head));
    }

    /** The name of a tied table: some files keep it only under the head's name. */
    public static String tied(Set<String> names, String embedding, String head) {
        return names.contains(head) && !names.contains(embedding) ? head : embedding;
    }
}
