package io.millrace.optim.update;

import io.millrace.optim.option.Glob;
import io.millrace.optim.option.Option;

/**
 * Tensors that a rule keeps states for, where it does not for all.
 *
 * @param option that chooses them
 * @param patterns of their names, with commas between them
 */
public record StatedTensors(Option<String> option, String patterns) {
    /** Whether a tensor of the name is one. */
    public boolean has(String name) {
        return Glob.anyOf(patterns).test(name);
    }
}
