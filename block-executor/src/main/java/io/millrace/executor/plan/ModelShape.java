package io.millrace.executor.plan;

import io.millrace.executor.adapter.WireConfig;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.step.RunLayout;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.device.DeviceKind;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.quantize.CodedFormat;
import io.millrace.model.quantize.QuantForm;
import io.millrace.model.quantize.QuantMatrix;
import io.millrace.model.synthetic.SyntheticModel;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model as far as planning looks at it: no weights.
 *
 * @param name a folder, or an architecture's name
 * @param program what its blocks compute
 * @param library the same with the names that the family's own library gives to tensors
 * @param layout its blocks
 * @param formed the blocks with every matrix that is packed as a plain one, for devices that read
 *     no codes yet; empty where none is
 * @param direct whether blocks are read straight from the user's files, as they are stored there
 */
public record ModelShape(
        String name,
        ModelProgram program,
        ModelProgram library,
        ModelLayout layout,
        Optional<ModelLayout> formed,
        boolean direct) {
    /** Of a model whose tensors are named as the family's own library has them. */
    public ModelShape(String name, ModelProgram program, ModelLayout layout, boolean direct) {
        this(name, program, program, layout, Optional.empty(), direct);
    }

    /** The shape of a published model. */
    public static ModelShape named(String arch, Optional<DType> dtype) {
        return named(arch, dtype, Optional.empty());
    }

    /**
     * The same where matrices of layers may be stored in fewer bits.
     *
     * @param arch a known model's name
     * @param dtype of the rest; bfloat16 where empty
     * @param packing how these are stored; as the rest where empty
     * @throws BadInputException where a matrix cannot be stored so
     */
    public static ModelShape named(
            String arch, Optional<DType> dtype, Optional<SyntheticModel.Packing> packing) {
        ModelConfig config =
                NamedArchitectures.find(arch)
                        .orElseThrow(() ->
                                new BadInputException(
                                        "--arch",
                                        "'" + arch + "' is not a known model",
                                        "give one of "
                                                + String.join(", ", NamedArchitectures.names())
                                                + ", or a --model folder"));
        ModelProgram program = NamedArchitectures.program(config);
        DType plain = dtype.orElse(DType.BF16);
        Map<String, TensorFormat> packed = new HashMap<>();
        packing.ifPresent(one -> {
            for (QuantMatrix matrix : QuantMatrix.of(program)) {
                one.form().check(matrix, one.group(), QuantForm.Asked.FORMAT);
                packed.put(
                        matrix.tensor(), new CodedFormat(one.form(), matrix, one.group(), plain));
            }
        });
        ModelLayout layout = ModelLayout.of(program, name -> packed.getOrDefault(name, plain));
        Optional<ModelLayout> formed = packing.map(_ -> ModelLayout.of(program, plain));
        return new ModelShape(arch, program, program, layout, formed, true);
    }

    /** The shape of a model in a folder, whose weights are not read. */
    public static ModelShape ofFolder(Path folder, Optional<DType> dtype) {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            ModelLayout layout = dtype.map(checkpoint::layout).orElseGet(checkpoint::layout);
            boolean direct = BlockOrigin.of(checkpoint, layout).isStoredAsNeeded();
            RunLayout.Base base = RunLayout.Base.of(checkpoint, layout);
            return new ModelShape(
                    folder.toString(),
                    base.program(),
                    base.library(),
                    layout,
                    Optional.empty(),
                    direct);
        }
    }

    /**
     * The same where matrices of layers are stored in fewer bits.
     *
     * @throws BadInputException where one is so already, or cannot be
     */
    ModelShape wired(WireConfig wire) {
        Map<String, TensorFormat> packed = new HashMap<>();
        for (QuantMatrix matrix : wire.matrices(program, layout, name)) {
            DType stored = layout.find(matrix.tensor()).orElseThrow().slot().dtype();
            packed.put(matrix.tensor(), new CodedFormat(wire.form(), matrix, wire.group(), stored));
        }
        ModelLayout copy =
                ModelLayout.of(
                        program,
                        tensor ->
                                packed.containsKey(tensor)
                                        ? packed.get(tensor)
                                        : layout.find(tensor).orElseThrow().slot().format());
        return new ModelShape(name, program, library, copy, Optional.empty(), direct);
    }

    /**
     * The same as a run tunes it: what it trains, with the rule's states beside that.
     *
     * @param device where it runs
     */
    ModelShape tunedBy(ArithmeticConfig arithmetic, DeviceKind device) {
        RunLayout tuned = tuned(layout, arithmetic, device);
        Optional<ModelLayout> other =
                arithmetic.trained().adapter().isPresent()
                        ? formed.map(plain -> tuned(plain, arithmetic, device).layout())
                        : Optional.empty();
        return new ModelShape(name, tuned.program(), library, tuned.layout(), other, direct);
    }

    private RunLayout tuned(ModelLayout blocks, ArithmeticConfig arithmetic, DeviceKind device) {
        return RunLayout.of(new RunLayout.Base(program, library, blocks), arithmetic, device);
    }

    /**
     * The blocks that an engine is asked about. Of a model that is only planned there are no codes
     * that the kernels of a card would know: it is reckoned with matrices that are formed.
     *
     * @param reads whether the device reads them
     */
    ModelLayout computed(boolean reads) {
        return reads ? layout : formed.orElse(layout);
    }

    /** Whether a run writes blocks back: not where all that it trains is beside them. */
    boolean writesBack() {
        return layout.beside().isEmpty();
    }

    /** As what its weights are stored: a type, and how matrices are packed where they are. */
    public String stored() {
        List<String> packed =
                layout.blocks().stream()
                        .flatMap(block -> block.tensors().stream())
                        .filter(slot -> !slot.isPlain())
                        .map(slot -> slot.format().name())
                        .distinct()
                        .toList();
        return packed.isEmpty()
                ? dtype().torchName()
                : String.join(", ", packed) + " and " + dtype().torchName();
    }

    /** The dtype of most of its weights that are plain arrays of numbers. */
    public DType dtype() {
        return layout.largestBlock().tensors().stream()
                .filter(TensorSlot::isPlain)
                .max((a, b) -> Long.compare(a.elementCount(), b.elementCount()))
                .orElseThrow()
                .dtype();
    }
}
