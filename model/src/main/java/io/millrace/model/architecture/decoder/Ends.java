package io.millrace.model.architecture.decoder;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.spec.LinearSpec;
import java.util.Set;

/**
 * The two ends of a decoder, which may be one table.
 *
 * @param tokens name of the table of ids
 * @param head name of the matrix of logits
 * @param headBias name of its bias, or null
 */
public record Ends(String tokens, String head, String headBias) {
    /**
     * The ends as a checkpoint has them.
     *
     * @param names all that it stores, or none
     * @param tokens what its table would be called
     * @param head what its head would be called
     * @param tiedByDefault whether both are one where the configuration is silent
     */
    public static Ends of(
            ModelConfig config,
            Set<String> names,
            String tokens,
            String head,
            boolean tiedByDefault) {
        if (Naming.isTied(config, names, head, tiedByDefault)) {
            String one = Naming.tied(names, tokens, head);
            return new Ends(one, one, null);
        }
        return new Ends(tokens, head, null);
    }

    /** The same where logits have a bias. */
    public Ends withBias(String name) {
        return new Ends(tokens, head, name);
    }

    /** What makes logits. */
    public LinearSpec logits(int width, int vocabulary) {
        return new LinearSpec(head, headBias, width, vocabulary, false);
    }
}
