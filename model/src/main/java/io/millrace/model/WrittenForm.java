package io.millrace.model;

import io.millrace.memory.DType;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How a model that is written differs from the one that it is made of.
 *
 * @param dtype of all weights; as they are stored where empty
 * @param shardBytes the most bytes of tensors in a file, but for a larger tensor, which has one of
 *     its own; files as they are where empty
 */
public record WrittenForm(Optional<DType> dtype, OptionalLong shardBytes) {
    /** As it is. */
    public static final WrittenForm AS_STORED =
            new WrittenForm(Optional.empty(), OptionalLong.empty());

    /** The layout that is written of a model, with all that is quantised written out. */
    public ModelLayout layout(Checkpoint model) {
        return model.plainLayout(dtype);
    }
}
