package io.millrace.executor.step;

import io.millrace.executor.companion.AdapterStart;
import io.millrace.executor.companion.TokenStart;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.memory.BadInputException;
import io.millrace.memory.StateSlot;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.device.DeviceKind;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.ProgramTensors;
import io.millrace.model.adapter.Adapter;
import io.millrace.model.adapter.FilePlace;
import io.millrace.model.program.ModelProgram;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.update.StatedTensors;
import io.millrace.optim.update.UpdateRule;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * A model as a run tunes it: which tensors it trains, and what its update rule keeps for every
 * element of these, which lies beside the weights and moves with them.
 *
 * @param program what its blocks compute, an adapter included
 * @param layout its blocks, and their companions where the run trains an adapter
 * @param adapter what it trains beside the model; empty where that is the model itself
 */
public record RunLayout(ModelProgram program, ModelLayout layout, Optional<Adapter> adapter) {
    /** Of the largest block: what takes no more beside the blocks is little. */
    private static final int APART_FRACTION = 4;

    /**
     * A model as it was published or stored.
     *
     * @param program what its blocks compute, with the names of its tensors
     * @param library the same with those of the family's own library
     * @param layout of its weights
     * @param inPanels whether a large vocabulary may move in panels
     */
    public record Base(
            ModelProgram program, ModelProgram library, ModelLayout layout, boolean inPanels) {
        /** A model whose tables move whole. */
        public Base(ModelProgram program, ModelProgram library, ModelLayout layout) {
            this(program, library, layout, false);
        }

        /** That of an open checkpoint. */
        public static Base of(Checkpoint checkpoint, ModelLayout layout) {
            return new Base(
                    checkpoint.program(),
                    checkpoint.architecture().program(checkpoint.config(), Set.of()),
                    layout);
        }

        /** The same with a large vocabulary in panels, where the device takes those. */
        public Base inPanels(DeviceKind device) {
            return new Base(program, library, layout, device.onHostCores());
        }

        /** The blocks for a program of the same model, which may have an adapter. */
        private ModelLayout layout(ModelProgram of) {
            return inPanels ? layout.inPanels(of) : layout;
        }

        /** The same where rows of a large table that is trained are read alone. */
        private Base foldingLater() {
            return new Base(program, library, layout.foldingLater(program), true);
        }

        /** The same where the model is only read, and so rows of a large table alone. */
        private ModelLayout reading(ModelProgram of) {
            return inPanels ? layout.readingRows(of).inPanels(of) : layout;
        }

        /** The same for forwards that tune nothing. */
        public RunLayout untuned() {
            return new RunLayout(program, reading(program), Optional.empty());
        }

        /**
         * The same with an adapter beside it.
         *
         * @param with the program with what the adapter adds
         */
        public RunLayout beside(ModelProgram with) {
            return new RunLayout(
                    with, reading(with).withBeside(ProgramTensors.beside(with)), Optional.empty());
        }
    }

    /**
     * What a run's adapter begins with.
     *
     * @param base that it is beside; open while the start is read
     * @param runSeed the run's seed
     */
    public AdapterStart start(Checkpoint base, long runSeed) {
        return new AdapterStart(program, runSeed, new TokenStart(base, program, runSeed));
    }

    /** Where a file of what lies beside the model has a tensor. */
    public FilePlace place(TensorSlot slot) {
        return adapter.map(one -> one.place(slot))
                .orElseGet(() -> new FilePlace(slot.name(), slot.shape(), 0));
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
     * The same to be rebuilt on the host, where a vocabulary in panels takes less memory.
     *
     * @param direction of the run
     */
    public static RunLayout rebuilt(
            Base base,
            TrainedTensors trained,
            UpdateRule rule,
            Participation participation,
            Direction direction) {
        return inPanels(
                base,
                direction,
                DeviceKind.CPU,
                one -> of(one, trained, rule, participation, false));
    }

    /**
     * What becomes of a model in panels, or whole where those will not do: thin factors belong to a
     * whole table, and what is trained apart lies in one place.
     */
    private static RunLayout inPanels(
            Base base, Direction direction, DeviceKind device, Function<Base, RunLayout> tuning) {
        RunLayout cut = tuning.apply(base.inPanels(device));
        boolean whole =
                cut.layout.tuned().blocks().stream()
                        .flatMap(block -> block.tensors().stream())
                        .filter(slot -> slot.panel().isPresent() && slot.isTrained())
                        .anyMatch(_ ->
                                direction instanceof FactoredDirection || cut.layout.ownsBeside());
        return whole ? tuning.apply(base) : cut;
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
        requireScales(arithmetic);
        if (arithmetic.rule() instanceof GradientRule) {
            // What a table's rows get of head and embedding is added up in one place.
            return of(
                    base,
                    arithmetic.trained(),
                    arithmetic.rule(),
                    arithmetic.participation(),
                    device.onHostCores());
        }
        RunLayout panels =
                inPanels(
                        base,
                        arithmetic.direction(),
                        device,
                        one ->
                                of(
                                        one,
                                        arithmetic.trained(),
                                        arithmetic.rule(),
                                        arithmetic.participation(),
                                        device.onHostCores() && isDense(arithmetic)));
        return foldingLater(base, arithmetic, device, panels).orElse(panels);
    }

    private static boolean isDense(ArithmeticConfig arithmetic) {
        return arithmetic.direction() instanceof DenseDirection;
    }

    /**
     * The same where rows of a large table are read alone although it is trained. The updates that
     * a row has missed are made on it when it is looked up, so that takes a rule that remembers
     * nothing of an element, and a direction that is made for some of them alone.
     *
     * @param panels what it is otherwise
     */
    private static Optional<RunLayout> foldingLater(
            Base base, ArithmeticConfig arithmetic, DeviceKind device, RunLayout panels) {
        boolean can =
                device.onHostCores()
                        && isDense(arithmetic)
                        && arithmetic.rule().states().isEmpty()
                        && panels.layout.beside().isEmpty();
        return Optional.of(base)
                .filter(_ -> can)
                .map(Base::foldingLater)
                .filter(later -> later.layout.panels().later())
                .map(later ->
                        of(
                                later,
                                arithmetic.trained(),
                                arithmetic.rule(),
                                arithmetic.participation(),
                                false))
                .filter(run -> run.layout.panels().alone().orElseThrow().isTrained());
    }

    /** Scales are formed where weights are formed along a dense direction. */
    private static void requireScales(ArithmeticConfig arithmetic) {
        if (!arithmetic.trained().tunesScales()) {
            return;
        }
        if (!(arithmetic.direction() instanceof DenseDirection)) {
            throw new BadInputException(
                    "--perturbation",
                    arithmetic.direction().name() + " is none of scales",
                    "give gaussian or rademacher, without --mask");
        }
    }

    private static RunLayout of(
            Base base,
            TrainedTensors trained,
            UpdateRule rule,
            Participation participation,
            boolean mayBeApart) {
        participation.require(base.layout().visits().size() - 2); // all but the ends
        Optional<Adapter> adapter =
                trained.adapter().map(settings -> settings.of(base.program(), base.library()));
        ModelProgram program = adapter.map(Adapter::program).orElse(base.program());
        ModelLayout tuned = tuned(base, program, trained, adapter.isPresent());
        if (mayBeApart && tuned.beside().isEmpty()) {
            long bytes = stated(tuned.apart(), rule).tuned().sizeBytes();
            if (bytes <= tuned.largestBlock().sizeBytes() / APART_FRACTION) {
                ModelLayout apart = reading(base, program, tuned, trained).apart();
                return new RunLayout(program, stated(apart, rule), adapter);
            }
        }
        return new RunLayout(program, stated(tuned, rule), adapter);
    }

    private static ModelLayout tuned(
            Base base, ModelProgram program, TrainedTensors trained, boolean beside) {
        if (beside) {
            return base.reading(program).withBeside(ProgramTensors.beside(program));
        }
        return trained.of(trained.tunesScales() ? base.reading(program) : base.layout(program));
    }

    /** Of what is tuned apart from the blocks the table is rarely a part. */
    private static ModelLayout reading(
            Base base, ModelProgram program, ModelLayout tuned, TrainedTensors trained) {
        boolean looksUp =
                base.reading(program)
                        .panels()
                        .alone()
                        .flatMap(table -> tuned.find(table.name()))
                        .filter(place -> !place.slot().isTrained())
                        .isPresent();
        return looksUp ? trained.of(base.layout()).readingRows(program).inPanels(program) : tuned;
    }

    private static List<StateSlot.Kind> kinds(UpdateRule rule) {
        return rule instanceof GradientRule first
                ? first.kept().stream().map(RunLayout::kind).toList()
                : rule.states().stream()
                        .map(state -> new StateSlot.Kind(state.name(), state.dtype()))
                        .toList();
    }

    private static StateSlot.Kind kind(TensorState state) {
        return state.isOfElements()
                ? new StateSlot.Kind(state.name(), state.dtype())
                : new StateSlot.Kind(state.name(), state.dtype(), state.extent()::of);
    }

    private static ModelLayout stated(ModelLayout layout, UpdateRule rule) {
        List<StateSlot.Kind> kinds = kinds(rule);
        if (rule.stated().isEmpty()) {
            return layout.withStates(kinds);
        }
        StatedTensors chosen = rule.stated().get();
        ModelLayout stated = layout.withStates(kinds, slot -> chosen.has(slot.name()));
        if (stated.tuned().stateBytes() == 0) {
            throw new BadInputException(
                    chosen.option().spelled(),
                    "'" + chosen.patterns() + "' matches no tensor that is trained",
                    "give patterns of names of trained tensors, such as '*c_attn.weight'");
        }
        return stated;
    }
}
