package io.millrace.executor.step;

import io.millrace.executor.config.TrainedTensors;
import io.millrace.memory.StateSlot;
import io.millrace.model.ModelLayout;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.update.UpdateRule;

/**
 * The blocks of a run: which of their tensors it trains, and what its update rule keeps for every
 * element of these, which lies beside the weights and moves with them.
 */
public final class RunLayout {
    private RunLayout() {}

    /**
     * The layout of the blocks of a run: wherever one is placed, planned or rebuilt, this decides.
     *
     * @param layout of the weights
     * @param trained which tensors are tuned
     * @param rule of the run
     * @param participation which layers have a part in its steps
     * @throws io.millrace.memory.BadInputException where the model cannot take what is tuned
     */
    public static ModelLayout of(
            ModelLayout layout,
            TrainedTensors trained,
            UpdateRule rule,
            Participation participation) {
        participation.require(layout.visits().size() - 2); // all but the ends
        return trained.of(layout)
                .withStates(
                        rule.states().stream()
                                .map(state -> new StateSlot.Kind(state.name(), state.dtype()))
                                .toList());
    }
}
