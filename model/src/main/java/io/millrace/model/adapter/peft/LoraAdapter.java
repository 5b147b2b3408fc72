package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.Lora;
import io.millrace.model.adapter.LoraSettings;
import io.millrace.model.adapter.LoraTarget;
import io.millrace.model.file.Elements;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.SideSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A LoRA folder of PEFT, open for reading beside the base that it is of. Configuration, names,
 * shapes and numbers are all checked by {@link #open}; factors stay in the file until they are
 * asked for. Reads may come from any thread.
 */
public final class LoraAdapter implements StoredAdapter {
    /** The {@code peft_type}. */
    static final String TYPE = "LORA";

    private static final int CHECKED_AT_ONCE = 1 << 18;

    private final Path folder;
    private final AdapterConfig config;
    private final SafetensorsFile weights;
    private final List<AdapterPart> parts;
    private final Map<String, AdapterPart> byTensor = new HashMap<>();
    private final Map<String, TensorInfo> factors = new HashMap<>();

    private LoraAdapter(
            Path folder, AdapterConfig config, SafetensorsFile weights, List<AdapterPart> parts) {
        this.folder = folder;
        this.config = config;
        this.weights = weights;
        this.parts = List.copyOf(parts);
        for (AdapterPart part : this.parts) {
            byTensor.put(part.part().target().tensor(), part);
            factors.put(part.first().name(), part.first());
            factors.put(part.second().name(), part.second());
        }
    }

    /**
     * Opens a folder and checks that it is a whole LoRA of a base.
     *
     * @param folder with {@code adapter_config.json} and {@code adapter_model.safetensors}
     * @param base the model that it was trained on
     * @throws BadInputException when it is not whole, is another method's or another base's, asks
     *     for what no plain LoRA does, or has numbers that are not finite
     */
    public static LoraAdapter open(Path folder, Checkpoint base) {
        AdapterFolder.type(folder, Set.of(TYPE));
        AdapterConfig config = AdapterConfig.read(folder.resolve(AdapterWriter.CONFIG));
        Path file = AdapterFolder.weights(folder);
        SafetensorsFile weights = SafetensorsFile.open(file);
        try {
            PartFinder finder = new PartFinder(file, config, new BaseModules(base));
            List<AdapterPart> parts = finder.find(weights.tensors().values());
            LoraAdapter adapter = new LoraAdapter(folder, config, weights, parts);
            adapter.requireFinite();
            adapter.requireCopies(finder.copies(), base);
            return adapter;
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private void requireFinite() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment staging = arena.allocate((long) CHECKED_AT_ONCE * Float.BYTES, 64);
            for (AdapterPart part : parts) {
                requireFinite(part.first(), staging);
                requireFinite(part.second(), staging);
            }
        }
    }

    private void requireFinite(TensorInfo factor, MemorySegment staging) {
        for (long done = 0; done < factor.sizeBytes(); done += staging.byteSize()) {
            MemorySegment piece =
                    staging.asSlice(0, Math.min(staging.byteSize(), factor.sizeBytes() - done));
            weights.read(factor, done, piece);
            long at = Elements.firstNonFinite(piece, factor.dtype());
            if (at >= 0) {
                throw new BadInputException(
                        weights.path().toString(),
                        "tensor '"
                                + factor.name()
                                + "' has "
                                + Elements.get(piece, factor.dtype(), at)
                                + " at element "
                                + (done / factor.dtype().sizeBytes() + at),
                        "use an adapter of finite numbers: its training diverged");
            }
        }
    }

    /** PEFT would load these in the place of the base's: they have to be the base's. */
    private void requireCopies(Map<TensorInfo, TensorInfo> copies, Checkpoint base) {
        copies.forEach((copy, own) -> {
            if (!copy.shape().equals(own.shape()) || !isSame(copy, own, base)) {
                throw new BadInputException(
                        weights.path().toString(),
                        "tensor '"
                                + copy.name()
                                + "' is not what the base has as '"
                                + own.name()
                                + "', and PEFT would load it in the place of that",
                        "give the base that the adapter was trained on, with its embedding as it"
                                + " was resized or tuned");
            }
        });
    }

    private boolean isSame(TensorInfo copy, TensorInfo own, Checkpoint base) {
        TensorSlot slot = base.layout().find(own.name()).orElseThrow().slot();
        if (!slot.isPlain() || !(copy.format() instanceof DType dtype) || !dtype.isTrainable()) {
            return false;
        }
        float[] left = new float[CHECKED_AT_ONCE];
        float[] right = new float[CHECKED_AT_ONCE];
        long width = slot.dtype().sizeBytes();
        MemorySegment bytes = MemorySegment.ofArray(new byte[(int) (CHECKED_AT_ONCE * width)]);
        for (long done = 0; done < own.elementCount(); done += CHECKED_AT_ONCE) {
            int count = (int) Math.min(CHECKED_AT_ONCE, own.elementCount() - done);
            read(copy, done, left, 0, count);
            base.readTensor(slot, done * width, bytes.asSlice(0, count * width));
            slot.dtype().load(bytes, 0, 0, right, 0, count);
            if (Arrays.mismatch(left, 0, count, right, 0, count) >= 0) {
                return false;
            }
        }
        return true;
    }

    /** The folder. */
    public Path folder() {
        return folder;
    }

    /** What it has beside each module, sorted by module. */
    public List<AdapterPart> parts() {
        return parts;
    }

    /** The part beside a matrix of the base, by the tensor's name there. */
    public Optional<AdapterPart> find(String tensor) {
        return Optional.ofNullable(byTensor.get(tensor));
    }

    @Override
    public ModelProgram beside(ModelProgram base) {
        requireProducts(base);
        Map<String, SideSpec> sides = new HashMap<>();
        byTensor.forEach((tensor, part) ->
                sides.put(
                        tensor,
                        new SideSpec(
                                part.first().name(),
                                part.second().name(),
                                part.part().rank(),
                                (float) part.scale())));
        return Lora.beside(base, sides);
    }

    private void requireProducts(ModelProgram program) {
        Set<String> products =
                program.ops()
                        .filter(Op.Linear.class::isInstance)
                        .flatMap(Op::products)
                        .map(LinearSpec::weight)
                        .collect(Collectors.toSet());
        for (AdapterPart part : parts) {
            if (!products.contains(part.part().target().tensor())) {
                throw new BadInputException(
                        folder.toString(),
                        "has factors beside '"
                                + part.part().target().module()
                                + "', which is no product within a layer",
                        "make a model of both with millrace merge");
            }
        }
    }

    @Override
    public LoraSettings settings() {
        LoraSettings settings =
                config.settings(
                        parts.getFirst().part().rank(),
                        parts.stream().map(part -> part.part().target().module()).toList());
        for (AdapterPart part : parts) {
            String module = part.part().target().module();
            if (part.part().target().kind() == LoraTarget.Kind.TABLE) {
                throw bad(
                        "has factors beside '" + module + "', which is no product within a layer");
            }
            if (part.part().rank() != settings.rank() || (float) part.scale() != settings.scale()) {
                throw bad(
                        "has another rank or scale at '"
                                + module
                                + "', and a run trains one of each");
            }
        }
        return settings;
    }

    private BadInputException bad(String what) {
        return new BadInputException(
                folder.toString(),
                what,
                "make a model of both with millrace merge, and tune on from it");
    }

    @Override
    public void read(TensorSlot slot, float[] values) {
        weights.readFloats(factors.get(slot.name()), 0, values, 0, values.length);
    }

    @Override
    public List<MergedAdapter.Matrix> merged() {
        return parts.stream()
                .map(part ->
                        new MergedAdapter.Matrix(
                                part.part().target().module(),
                                part.part().target().tensor(),
                                List.of(part.part().rows(), part.part().columns()),
                                new MergedAdapter.Product(part.part().rank(), part.scale())))
                .toList();
    }

    @Override
    public Optional<WeightChange> change(String tensor) {
        return find(tensor).map(part -> new FactorProduct(this, part)::addTo);
    }

    /**
     * Reads elements of a factor as float32.
     *
     * @param factor a part's A or B
     * @param first the first element, row by row
     * @param values where they go
     * @param start the first one's place there
     * @param count how many
     */
    public void read(TensorInfo factor, long first, float[] values, int start, int count) {
        weights.readFloats(factor, first, values, start, count);
    }

    /** Closes the file; a second call does nothing. */
    @Override
    public void close() {
        weights.close();
    }
}
