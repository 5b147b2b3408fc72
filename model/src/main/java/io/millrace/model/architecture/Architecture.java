package io.millrace.model.architecture;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.List;
import java.util.Set;

/** A family of models: the function from a configuration to a {@link ModelProgram}. */
public interface Architecture {
    /** Under which most families store their output head. */
    String LM_HEAD = "lm_head.weight";

    /** The {@code model_type} of its configurations. */
    String modelType();

    /** Which published models have it, in a few words. */
    default String models() {
        return modelType();
    }

    /**
     * Says what the model computes.
     *
     * @param config the configuration
     * @param tensorNames the names that the checkpoint stores, which decide on prefixes and on
     *     whether the head is the embedding; empty where there are no weights, for the names that
     *     the family's own library writes
     * @throws io.millrace.memory.BadInputException when the configuration asks for what is not
     *     supported
     */
    ModelProgram program(ModelConfig config, Set<String> tensorNames);

    /**
     * Whether checkpoints of the family may store a tensor of that name which is no weight, such as
     * a causal mask.
     */
    boolean isBuffer(String tensorName);

    /**
     * The names under which checkpoints store an output head; where it is tied, a tensor of such a
     * name is a second copy of the embedding.
     */
    default List<String> headNames() {
        return List.of(LM_HEAD);
    }
}
