package io.millrace.model.adapter;

import io.millrace.memory.TensorSlot;
import io.millrace.model.program.ModelProgram;

/**
 * An adapter of one model: what it adds to the program, and how PEFT's files have it. Its tensors
 * are those that {@link io.millrace.model.ProgramTensors#beside} lists of the program.
 */
public interface Adapter {
    /** The model with the adapter beside it. */
    ModelProgram program();

    /**
     * All of {@code adapter_config.json}.
     *
     * @param base what the model is loaded by
     */
    byte[] config(String base);

    /**
     * Where PEFT's file has a tensor of {@link #program}.
     *
     * @param slot one of them
     */
    default FilePlace place(TensorSlot slot) {
        return new FilePlace(slot.name(), slot.shape(), 0);
    }
}
