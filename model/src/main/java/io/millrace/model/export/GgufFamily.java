package io.millrace.model.export;

import io.millrace.model.config.ModelConfig;
import java.util.Map;
import java.util.Optional;

/**
 * A family of models as ggml has it. A new one is a file beside these, or some lines of {@link
 * GgufFamilies}.
 */
interface GgufFamily {
    /** ggml's name of it. */
    String ggml();

    /** What ggml calls its tensors. */
    TensorNames names();

    /**
     * What it says of a model, under keys to which ggml's name of the family is put in front.
     *
     * @param config every field under its own name and with its default
     * @throws io.millrace.memory.BadInputException where ggml computes something else than the
     *     model
     */
    Map<String, Object> fields(ModelConfig config);

    /**
     * The order of a tensor's rows.
     *
     * @param name ggml's
     * @param rows how many
     */
    default RowOrder order(ModelConfig config, String name, long rows) {
        return RowOrder.AS_IS;
    }

    /** Whether a matrix is stored input by input, and ggml has it output by output. */
    default boolean isTurned(String name) {
        return false;
    }

    /** What ggml adds once where the model adds it each time. */
    default float added(String name) {
        return 0;
    }

    /** By how much turns of each pair are slower than by the base alone, where they are. */
    default Optional<float[]> turnFactors(ModelConfig config) {
        return Optional.empty();
    }
}
