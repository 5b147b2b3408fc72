package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.Ia3;
import io.millrace.model.adapter.Ia3Part;
import io.millrace.model.adapter.Ia3Settings;
import io.millrace.model.adapter.LoraTarget;
import io.millrace.model.config.SideFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFile;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A folder in which PEFT or a run saved the scales of IA³. */
final class Ia3Adapter implements StoredAdapter {
    /** The {@code peft_type}. */
    static final String TYPE = "IA3";

    private static final String FEED_FORWARD = "feedforward_modules";
    private static final StoredFields FIELDS =
            new StoredFields(
                    List.of(
                            ConfigField.TARGET_MODULES.key(),
                            ConfigField.EXCLUDE_MODULES.key(),
                            FEED_FORWARD,
                            ConfigField.FAN_IN_FAN_OUT.key(),
                            "init_ia3_weights"));

    private final WeightFile weights;
    private final Map<String, Ia3Part> parts = new TreeMap<>(); // by module
    private final Map<String, LinearSpec> products = new HashMap<>(); // by matrix

    private Ia3Adapter(WeightFile weights) {
        this.weights = weights;
    }

    /** Opens a folder, as {@link StoredAdapters#open} says. */
    static Ia3Adapter open(Path folder, Checkpoint base) {
        Path file = folder.resolve(AdapterWriter.CONFIG);
        ConfigReader config =
                new ConfigReader(file.toString(), SideFile.read(file, ConfigReader.MEND));
        FIELDS.require(config);
        WeightFile weights = AdapterFolder.open(folder);
        try {
            Ia3Adapter adapter = new Ia3Adapter(weights);
            adapter.find(config, base);
            adapter.beside(base.program());
            return adapter;
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private void find(ConfigReader config, Checkpoint base) {
        BaseModules modules = new BaseModules(base);
        ModuleChoice targets = ModuleChoice.read(config);
        ModuleChoice.Names feedForward = ModuleChoice.Names.read(config, FEED_FORWARD);
        base.program()
                .ops()
                .filter(Op.Linear.class::isInstance)
                .flatMap(Op::products)
                .forEach(linear -> products.put(linear.weight(), linear));
        for (TensorInfo tensor : weights.tensors().values()) {
            LoraTarget target = target(tensor, modules);
            if (!targets.has(target.module(), modules.isInnerLinear(target))) {
                throw bad(
                        "has scales of '"
                                + target.module()
                                + "', which is not among the targets of adapter_config.json, and"
                                + " PEFT would leave them out",
                        ConfigReader.MEND);
            }
            boolean inputs = feedForward.isLast(target.module());
            LinearSpec linear = products.get(target.tensor());
            Ia3Part part = new Ia3Part(target, inputs ? linear.inputs() : linear.outputs(), inputs);
            StoredTensors.require(weights, tensor, part.tensor().shape());
            parts.put(target.module(), part);
        }
        requireAll(targets, modules);
    }

    private LoraTarget target(TensorInfo tensor, BaseModules modules) {
        String module = Ia3Part.module(tensor.name());
        if (module.isEmpty()) {
            throw bad(
                    "tensor '" + tensor.name() + "' is none that PEFT loads into IA³",
                    "save the adapter with PEFT's save_pretrained, and train without"
                            + " modules_to_save");
        }
        LoraTarget target =
                modules.find(module)
                        .orElseThrow(() ->
                                bad(
                                        "has scales of '"
                                                + module
                                                + "', a module that the model in "
                                                + modules
                                                + " does not have",
                                        "give the base that it was trained on; this one has "
                                                + modules.like(module)));
        if (!products.containsKey(target.tensor())) {
            throw bad(
                    "has scales of '" + module + "', which is no product within a layer",
                    "train without that module among target_modules");
        }
        return target;
    }

    private void requireAll(ModuleChoice targets, BaseModules modules) {
        Optional<String> missing =
                modules.all().stream()
                        .filter(one -> targets.has(one.module(), modules.isInnerLinear(one)))
                        .map(LoraTarget::module)
                        .filter(module -> !parts.containsKey(module))
                        .findFirst();
        if (missing.isPresent() || parts.isEmpty()) {
            throw bad(
                    "has no scales of "
                            + missing.map(one -> "'" + one + "', which is among the targets of")
                                    .orElse("any module of")
                            + " adapter_config.json",
                    "save the adapter again, or use a whole copy of it");
        }
    }

    private BadInputException bad(String what, String mend) {
        return new BadInputException(weights.path().toString(), what, mend);
    }

    @Override
    public ModelProgram beside(ModelProgram base) {
        Map<String, Ia3Part> byMatrix = new HashMap<>();
        parts.values().forEach(part -> byMatrix.put(part.target().tensor(), part));
        return Ia3.beside(base, byMatrix);
    }

    @Override
    public AdapterSettings settings() {
        return new Ia3Settings(
                List.copyOf(parts.keySet()),
                parts.entrySet().stream()
                        .filter(part -> part.getValue().feedForward())
                        .map(Map.Entry::getKey)
                        .toList());
    }

    @Override
    public void read(TensorSlot slot, float[] values) {
        weights.readFloats(weights.tensor(slot.name()), 0, values, 0, values.length);
    }

    @Override
    public List<MergedAdapter.Matrix> merged() {
        return parts.values().stream()
                .map(part -> {
                    LinearSpec linear = products.get(part.target().tensor());
                    long inputs = linear.inputs();
                    long outputs = linear.outputs();
                    boolean turned = linear.inputMajor();
                    return new MergedAdapter.Matrix(
                            part.target().module(),
                            linear.weight(),
                            turned ? List.of(inputs, outputs) : List.of(outputs, inputs),
                            MergedAdapter.SCALES);
                })
                .toList();
    }

    /** A bias is part of what a module makes, and is scaled with it. */
    @Override
    public Optional<WeightChange> change(String tensor) {
        for (Ia3Part part : parts.values()) {
            LinearSpec linear = products.get(part.target().tensor());
            boolean matrix = linear.weight().equals(tensor);
            boolean bias = tensor.equals(linear.bias()) && !part.feedForward();
            if (matrix || bias) {
                long columns = linear.inputMajor() ? linear.outputs() : linear.inputs();
                boolean byRow = matrix && part.feedForward() == linear.inputMajor();
                float[] factors = weights.readFloats(part.tensor().name());
                return Optional.of((values, first, count) -> {
                    for (int i = 0; i < count; i++) {
                        long at = first + i;
                        long index = bias ? at : byRow ? at / columns : at % columns;
                        values[i] *= factors[(int) index];
                    }
                });
            }
        }
        return Optional.empty();
    }

    @Override
    public void close() {
        weights.close();
    }
}
