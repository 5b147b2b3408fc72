package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ProgramTensors;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.cores.TensorTrainSettings;
import io.millrace.model.adapter.cores.TensorTrains;
import io.millrace.model.config.SideFile;
import io.millrace.model.file.WeightFile;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.TensorSpec;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A folder in which a run saved bottlenecks of tensor trains; PEFT has no such type. */
final class TensorTrainAdapter implements StoredAdapter {
    private static final StoredFields FIELDS =
            new StoredFields(
                    List.of(
                            ConfigField.TARGET_MODULES.key(),
                            TensorTrains.WIDTH,
                            TensorTrains.RANK,
                            TensorTrains.ACTIVATION,
                            TensorTrains.NOTE));

    private final TensorTrainSettings settings;
    private final Path folder;
    private final WeightFile weights;
    private final ModelProgram program;

    private TensorTrainAdapter(
            TensorTrainSettings settings, Path folder, WeightFile weights, ModelProgram program) {
        this.settings = settings;
        this.folder = folder;
        this.weights = weights;
        this.program = program;
    }

    /** Opens a folder, as {@link StoredAdapters#open} says. */
    static TensorTrainAdapter open(Path folder, Checkpoint base) {
        Path file = folder.resolve(AdapterWriter.CONFIG);
        ConfigReader config =
                new ConfigReader(file.toString(), SideFile.read(file, ConfigReader.MEND));
        FIELDS.require(config);
        TensorTrainSettings settings = settings(config);
        ModelProgram published = base.architecture().program(base.config(), Set.of());
        ModelProgram program;
        try {
            program = settings.of(base.program(), published).program();
        } catch (BadInputException e) {
            throw config.bad(
                    ConfigField.TARGET_MODULES.key(),
                    "names modules of another model than that in " + base.directory(),
                    "give the base that the adapter was trained on");
        }
        WeightFile weights = AdapterFolder.open(folder);
        try {
            TensorTrainAdapter adapter = new TensorTrainAdapter(settings, folder, weights, program);
            adapter.require();
            return adapter;
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private static TensorTrainSettings settings(ConfigReader config) {
        String activation = config.string(TensorTrains.ACTIVATION, TensorTrains.RELU);
        if (!activation.equals(TensorTrains.RELU)) {
            throw config.bad(
                    TensorTrains.ACTIVATION,
                    "is '" + activation + "' where " + TensorTrains.RELU + " alone is computed");
        }
        String targets = ConfigField.TARGET_MODULES.key();
        List<String> modules = config.strings(targets);
        if (modules.isEmpty()) {
            throw config.bad(targets, "names no module");
        }
        return new TensorTrainSettings(
                modules,
                natural(config, TensorTrains.WIDTH, TensorTrainSettings.MOST_WIDTH),
                natural(config, TensorTrains.RANK, TensorTrainSettings.MOST_RANK),
                targets);
    }

    private static int natural(ConfigReader config, String field, int most) {
        Object value = config.json().raw(field);
        if (!(value instanceof Long number) || number < 1 || number > most) {
            throw config.bad(field, "is " + value + " where 1 to " + most + " makes sense");
        }
        return number.intValue();
    }

    /** Checks that the file has the tensors that the configuration says, and no other. */
    private void require() {
        Map<String, TensorSpec> expected = new HashMap<>();
        ProgramTensors.beside(program).stream()
                .flatMap(List::stream)
                .forEach(tensor -> expected.put(tensor.name(), tensor));
        for (String name : weights.tensors().keySet()) {
            if (!expected.containsKey(name)) {
                throw bad(
                        "tensor '" + name + "' is none that adapter_config.json tells of",
                        ConfigReader.MEND);
            }
        }
        for (TensorSpec tensor : expected.values()) {
            StoredTensors.require(
                    weights,
                    weights.find(tensor.name())
                            .orElseThrow(() ->
                                    bad(
                                            "has no '" + tensor.name() + "'",
                                            "use a whole copy, or save the adapter again")),
                    tensor.shape());
        }
    }

    private BadInputException bad(String what, String mend) {
        return new BadInputException(weights.path().toString(), what, mend);
    }

    @Override
    public ModelProgram beside(ModelProgram base) {
        return program;
    }

    @Override
    public AdapterSettings settings() {
        return settings;
    }

    @Override
    public void read(TensorSlot slot, float[] values) {
        weights.readFloats(weights.tensor(slot.name()), 0, values, 0, values.length);
    }

    @Override
    public List<MergedAdapter.Matrix> merged() {
        throw new BadInputException(
                folder.toString(),
                "has bottlenecks with an activation, which are in no weight of a model",
                "give it with --adapter beside its base");
    }

    @Override
    public Optional<WeightChange> change(String tensor) {
        return Optional.empty();
    }

    @Override
    public void close() {
        weights.close();
    }
}
