package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ProgramTensors;
import io.millrace.model.adapter.Adapter;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.AdapterTensors;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.Prompt;
import io.millrace.model.adapter.VirtualSettings;
import io.millrace.model.config.SideFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFile;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.TensorSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A folder in which PEFT or a run saved virtual tokens: a prompt, or a prefix. */
final class VirtualAdapter implements StoredAdapter {
    private static final String TOKENS = "num_virtual_tokens";

    /** The fields of both types whose values the tensor says too, or that only a start needs. */
    private static final StoredFields FIELDS =
            new StoredFields(
                    List.of(
                            TOKENS,
                            "token_dim",
                            "num_transformer_submodules",
                            "num_attention_heads",
                            "num_layers",
                            "encoder_hidden_size",
                            "init_weights",
                            "prompt_tuning_init",
                            "prompt_tuning_init_text",
                            "tokenizer_name_or_path",
                            "tokenizer_kwargs"));

    private final VirtualSettings settings;
    private final Path folder;
    private final WeightFile weights;
    private final Adapter adapter;

    private VirtualAdapter(
            VirtualSettings settings, Path folder, WeightFile weights, Adapter adapter) {
        this.settings = settings;
        this.folder = folder;
        this.weights = weights;
        this.adapter = adapter;
    }

    /** Opens a prompt's folder, as {@link StoredAdapters#open} says. */
    static VirtualAdapter openPrompt(Path folder, Checkpoint base) {
        return open(VirtualSettings.Type.PROMPT_TUNING, folder, base);
    }

    /** The same of a prefix's. */
    static VirtualAdapter openPrefix(Path folder, Checkpoint base) {
        return open(VirtualSettings.Type.PREFIX_TUNING, folder, base);
    }

    private static VirtualAdapter open(VirtualSettings.Type type, Path folder, Checkpoint base) {
        Path file = folder.resolve(AdapterWriter.CONFIG);
        ConfigReader config =
                new ConfigReader(file.toString(), SideFile.read(file, ConfigReader.MEND));
        FIELDS.require(config);
        if (!(config.json().raw(TOKENS) instanceof Long tokens)
                || tokens < 1
                || tokens >= base.program().maxPositions()) {
            throw config.bad(
                    TOKENS,
                    "is "
                            + config.json().raw(TOKENS)
                            + " where 1 to "
                            + (base.program().maxPositions() - 1)
                            + " leave room for a text");
        }
        WeightFile weights = AdapterFolder.open(folder);
        try {
            VirtualSettings settings = new VirtualSettings(type, tokens.intValue(), TOKENS);
            Adapter adapter = settings.of(base.program(), base.program());
            VirtualAdapter opened = new VirtualAdapter(settings, folder, weights, adapter);
            opened.require();
            return opened;
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private void require() {
        for (TensorInfo tensor : weights.tensors().values()) {
            if (!tensor.name().equals(Prompt.TENSOR)) {
                throw bad(
                        "tensor '" + tensor.name() + "' is none of a " + said(),
                        "save the adapter with PEFT's save_pretrained");
            }
        }
        TensorInfo table =
                weights.find(Prompt.TENSOR)
                        .orElseThrow(() ->
                                bad(
                                        "has no '" + Prompt.TENSOR + "'",
                                        "save the adapter with PEFT's save_pretrained"));
        StoredTensors.require(weights, table, shape());
    }

    private List<Long> shape() {
        TensorSpec first =
                ProgramTensors.beside(adapter.program()).stream()
                        .flatMap(List::stream)
                        .findFirst()
                        .orElseThrow();
        return adapter.place(new TensorSlot(first.name(), 0, DType.F32, first.shape(), 0)).shape();
    }

    private String said() {
        return settings.type() == VirtualSettings.Type.PROMPT_TUNING ? "prompt" : "prefix";
    }

    private BadInputException bad(String what, String mend) {
        return new BadInputException(weights.path().toString(), what, mend);
    }

    @Override
    public ModelProgram beside(ModelProgram base) {
        return adapter.program();
    }

    @Override
    public AdapterSettings settings() {
        return settings;
    }

    @Override
    public void read(TensorSlot slot, float[] values) {
        new AdapterTensors(adapter::place).read(weights, slot, values);
    }

    @Override
    public List<MergedAdapter.Matrix> merged() {
        throw new BadInputException(
                folder.toString(),
                "has a " + said() + ", which is in no weight of a model",
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
