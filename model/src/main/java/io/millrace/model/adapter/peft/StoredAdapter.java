package io.millrace.model.adapter.peft;

import io.millrace.memory.TensorSlot;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.program.ModelProgram;
import java.util.List;
import java.util.Optional;

/**
 * An adapter folder that PEFT or a run saved, open for reading beside the base that it is of. All
 * is checked as it is opened. Reads may come from any thread.
 */
public interface StoredAdapter extends AutoCloseable {
    /**
     * The base with the adapter beside it.
     *
     * @param base what the model computes, with the names of its checkpoint
     * @throws io.millrace.memory.BadInputException where the adapter has parts that can only be
     *     merged
     */
    ModelProgram beside(ModelProgram base);

    /**
     * What a run trains that begins with it.
     *
     * @throws io.millrace.memory.BadInputException where it has parts that no run trains
     */
    AdapterSettings settings();

    /**
     * Reads what the adapter has for a tensor that {@link #beside} adds.
     *
     * @param slot one of them
     * @param values all of its elements, row by row
     */
    void read(TensorSlot slot, float[] values);

    /**
     * What a merge changes.
     *
     * @throws io.millrace.memory.BadInputException where the adapter is in no weight
     */
    List<MergedAdapter.Matrix> merged();

    /** What becomes of a tensor of the base; empty where it stays. */
    Optional<WeightChange> change(String tensor);

    /** Closes its files; a second call does nothing. */
    @Override
    void close();
}
