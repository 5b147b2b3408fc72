package io.millrace.model.adapter;

import io.millrace.model.spec.TensorSpec;
import java.util.List;

/**
 * The scales of one module, as PEFT has them: of its outputs, or of its inputs.
 *
 * @param target the module
 * @param width how many
 * @param feedForward whether they scale what the module reads
 */
public record Ia3Part(LoraTarget target, long width, boolean feedForward) {
    private static final String PREFIX = "base_model.model.";
    private static final String END = ".ia3_l";

    /** The tensor: a row for inputs, a column for outputs; it begins at one. */
    public TensorSpec tensor() {
        return new TensorSpec(
                PREFIX + target.module() + END,
                feedForward ? List.of(1L, width) : List.of(width, 1L),
                TensorSpec.Initial.ONE);
    }

    /** The module that a tensor of a file is of; empty where the name is none of IA³'s. */
    public static String module(String tensor) {
        boolean scales = tensor.startsWith(PREFIX) && tensor.endsWith(END);
        return scales ? tensor.substring(PREFIX.length(), tensor.length() - END.length()) : "";
    }
}
