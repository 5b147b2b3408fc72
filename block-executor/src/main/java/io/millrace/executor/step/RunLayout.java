package io.millrace.executor.step;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.memory.StateSlot;
import io.millrace.memory.device.DeviceKind;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.ProgramTensors;
import io.millrace.model.adapter.Lora;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.SideSpec;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.update.UpdateRule;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A model as a run tunes it: which tensors it trains, and what its update rule keeps for every
 * element of these, which lies beside the weights and moves with them.
 *
 * @param program what its blocks compute, an adapter included
 * @param layout its blocks, and their companions where the run trains an adapter
 * @param lora the adapter
 */
public record RunLayout(ModelProgram program, ModelLayout layout, Optional<Lora> lora) {
    /** Of the largest block: what takes no more beside the blocks is little. */
    private static final int APART_FRACTION = 4;

    /**
     * A model as it was published or stored.
     *
     * @param program what its blocks compute, with the names of its tensors
     * @param library the same with those of the family's own library
     * @param layout of its weights
     */
    public record Base(ModelProgram program, ModelProgram library, ModelLayout layout) {
        /** That of an open checkpoint. */
        public static Base of(Checkpoint checkpoint, ModelLayout layout) {
            return new Base(
                    checkpoint.program(),
                    checkpoint.architecture().program(checkpoint.config(), Set.of()),
                    layout);
        }

        /** The same for forwards that tune nothing. */
        public RunLayout untuned() {
            return new RunLayout(program, layout, Optional.empty());
        }

        /**
         * The same with an adapter beside it.
         *
         * @param sides its factors, by the matrices that they are beside
         */
        public RunLayout beside(Map<String, SideSpec> sides) {
            ModelProgram with = Lora.beside(program, sides);
            return new RunLayout(
                    with, layout.withBeside(ProgramTensors.beside(with)), Optional.empty());
        }
    }

    /**
     * The layout of the blocks of a run: wherever one is placed, planned or rebuilt, this decides.
     *
     * @param base the model
     * @param trained which tensors are tuned
     * @param rule of the run
     * @param participation which layers have a part in its steps
     * @throws io.millrace.memory.BadInputException where the model cannot take what is tuned
     */
    public static RunLayout of(
            Base base, TrainedTensors trained, UpdateRule rule, Participation participation) {
        return of(base, trained, rule, participation, false);
    }

    /**
     * The same for a device that holds companions: what is little of the model lies beside it then,
     * so that blocks are only read. It decides no bytes.
     *
     * @param base the model
     * @param arithmetic of the run
     * @param device where it is computed
     */
    public static RunLayout of(Base base, ArithmeticConfig arithmetic, DeviceKind device) {
        return of(
                base,
                arithmetic.trained(),
                arithmetic.rule(),
                arithmetic.participation(),
                device.onHostCores() && arithmetic.direction() instanceof DenseDirection);
    }

    private static RunLayout of(
            Base base,
            TrainedTensors trained,
            UpdateRule rule,
            Participation participation,
            boolean mayBeApart) {
        ModelLayout layout = base.layout();
        participation.require(layout.visits().size() - 2); // all but the ends
        Optional<Lora> lora =
                trained.lora().map(settings -> Lora.of(base.program(), base.library(), settings));
        ModelProgram program = lora.map(Lora::program).orElse(base.program());
        ModelLayout tuned =
                lora.isPresent()
                        ? layout.withBeside(ProgramTensors.beside(program))
                        : trained.of(layout);
        List<StateSlot.Kind> states =
                rule.states().stream()
                        .map(state -> new StateSlot.Kind(state.name(), state.dtype()))
                        .toList();
        if (mayBeApart && lora.isEmpty()) {
            ModelLayout apart = tuned.apart().withStates(states);
            long bytes = apart.tuned().sizeBytes();
            if (bytes <= tuned.largestBlock().sizeBytes() / APART_FRACTION) {
                return new RunLayout(program, apart, lora);
            }
        }
        return new RunLayout(program, tuned.withStates(states), lora);
    }
}
