package io.millrace.model.architecture;

import io.millrace.model.architecture.decoder.DecoderLabels;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/**
 * A family that knows, by list, every field which its class reads in transformers: what it is
 * called, what is filled in where it is missing, and what is refused.
 */
public abstract class ListedArchitecture implements Architecture {
    private static final ConfigFields EVERY =
            ConfigFields.of("vocab_size", null, "tie_word_embeddings", null)
                    .only("is_causal", true, "per_layer_config", null)
                    .idle("initializer_range", "use_cache", "bos_token_id")
                    .idle("eos_token_id", "pad_token_id");

    private final ConfigFields fields;

    /**
     * A family.
     *
     * @param fields what its class reads beyond what every class does
     */
    protected ListedArchitecture(ConfigFields fields) {
        this.fields = EVERY.and(fields);
    }

    /** Every field that its class reads. */
    public final ConfigFields fields() {
        return fields;
    }

    @Override
    public final ModelProgram program(ModelConfig config, Set<String> tensorNames) {
        ModelConfig read = fields.read(config);
        return DecoderLabels.in(listed(read, tensorNames), read, tensorNames);
    }

    /**
     * Says what the model computes.
     *
     * @param config the configuration, every field under its own name and with its default
     * @param tensorNames the names that the checkpoint stores, as {@link #program} has them
     * @throws io.millrace.memory.BadInputException when the configuration asks for what is not
     *     supported
     */
    protected abstract ModelProgram listed(ModelConfig config, Set<String> tensorNames);
}
