package io.millrace.model.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.Answers;
import io.millrace.model.program.ModelProgram;
import java.util.Map;
import java.util.TreeMap;

/** The fields that every {@code adapter_config.json} has. */
public final class AdapterFields {
    private AdapterFields() {}

    /**
     * Those of one type.
     *
     * @param type the {@code peft_type}
     * @param base what the model is loaded by
     */
    public static Map<String, Object> of(String type, String base) {
        Map<String, Object> fields = new TreeMap<>();
        fields.put("peft_type", type);
        fields.put("task_type", "CAUSAL_LM");
        fields.put("base_model_name_or_path", base);
        fields.put("revision", null);
        fields.put("auto_mapping", null);
        fields.put("inference_mode", true);
        return fields;
    }

    /**
     * Refuses what is no decoder: PEFT wants to be told another task of it.
     *
     * @throws BadInputException where it is not
     */
    static void requireDecoder(ModelProgram base) {
        if (base.answers() != Answers.NEXT) {
            throw new BadInputException(
                    "--tune",
                    "an adapter beside a " + base.modelType() + " is not written yet",
                    "tune the model itself, or some of its tensors");
        }
    }

    /** Adds what adapters of virtual tokens say. */
    static void addVirtual(Map<String, Object> fields, ModelProgram base, int tokens) {
        fields.put("num_virtual_tokens", tokens);
        fields.put("num_transformer_submodules", 1);
        fields.put("num_layers", base.layers().size());
        fields.put("modules_to_save", null);
    }
}
