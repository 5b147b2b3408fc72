package io.millrace.model.adapter;

import io.millrace.model.program.ModelProgram;

/** What is said of an adapter before the model is known. */
public interface AdapterSettings {
    /**
     * The adapter of a model.
     *
     * @param stored what the model computes, with the names of its checkpoint
     * @param published the same with those of the family's own library
     * @throws io.millrace.memory.BadInputException where the model cannot have it
     */
    Adapter of(ModelProgram stored, ModelProgram published);
}
