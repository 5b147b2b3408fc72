package io.millrace.executor.step;

import io.millrace.memory.StateSlot;
import io.millrace.model.ModelLayout;
import io.millrace.optim.update.UpdateRule;

/** What an update rule keeps for every element lies beside the weights, and moves with them. */
public final class RuleStates {
    private RuleStates() {}

    /**
     * The layout of the blocks of a run: wherever one is placed, planned or rebuilt, this decides.
     *
     * @param layout of the weights
     * @param rule of the run
     */
    public static ModelLayout beside(ModelLayout layout, UpdateRule rule) {
        return layout.withStates(
                rule.states().stream()
                        .map(state -> new StateSlot.Kind(state.name(), state.dtype()))
                        .toList());
    }
}
