package io.millrace.model.adapter;

/**
 * A matrix of a checkpoint, and the module that holds it where transformers loads the model: what a
 * LoRA stands beside.
 *
 * @param tensor name of the matrix in the checkpoint
 * @param module path of the module, such as {@code model.layers.0.self_attn.q_proj}
 * @param kind how the module uses the matrix
 */
public record LoraTarget(String tensor, String module, Kind kind) {
    /** How a module uses its matrix. */
    public enum Kind {
        /** {@code y = x Wᵀ}, stored [outputs, inputs]. */
        LINEAR,
        /** {@code y = x W}, stored [inputs, outputs]: GPT-2's Conv1D. */
        INPUT_MAJOR,
        /** Rows are looked up; stored [rows, width]. */
        TABLE
    }

    /** The last part of the path, by which PEFT finds modules too. */
    public String suffix() {
        return module.substring(module.lastIndexOf('.') + 1);
    }
}
