package io.millrace.model.adapter;

import io.millrace.model.program.Answers;
import io.millrace.model.program.ModelProgram;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The fields that every {@code adapter_config.json} has. */
public final class AdapterFields {
    /** What PEFT calls the task of a decoder. */
    public static final Optional<String> DECODER = Optional.of("CAUSAL_LM");

    private AdapterFields() {}

    /**
     * Those of one type.
     *
     * @param type the {@code peft_type}
     * @param base what the model is loaded by
     * @param task the {@code task_type}; of none, PEFT takes the model as it is
     */
    public static Map<String, Object> of(String type, String base, Optional<String> task) {
        Map<String, Object> fields = new TreeMap<>();
        fields.put("peft_type", type);
        fields.put("task_type", task.orElse(null));
        fields.put("base_model_name_or_path", base);
        fields.put("revision", null);
        fields.put("auto_mapping", null);
        fields.put("inference_mode", true);
        return fields;
    }

    /** The task of a model, if PEFT knows one that changes nothing. */
    static Optional<String> task(ModelProgram base) {
        return base.answers() == Answers.NEXT ? DECODER : Optional.empty();
    }

    /** Adds what adapters of virtual tokens say. */
    static void addVirtual(Map<String, Object> fields, ModelProgram base, int tokens) {
        fields.put("num_virtual_tokens", tokens);
        fields.put("num_transformer_submodules", 1);
        fields.put("num_layers", base.layers().size());
        fields.put("modules_to_save", null);
    }
}
