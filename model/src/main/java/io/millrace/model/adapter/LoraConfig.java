package io.millrace.model.adapter;

import io.millrace.telemetry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What {@code adapter_config.json} says of a LoRA whose factors are to be taken as they are: PEFT
 * scales B A by {@code lora_alpha / r}, so both are the rank.
 *
 * @param base what the model is loaded by
 * @param parts the modules, at least one
 * @param targetModules what PEFT finds them by
 */
public record LoraConfig(String base, List<LoraPart> parts, List<String> targetModules) {
    /** Freezes the lists. */
    public LoraConfig {
        parts = List.copyOf(parts);
        targetModules = List.copyOf(targetModules);
    }

    /** The configuration of parts of a model. */
    public static LoraConfig of(String base, List<LoraPart> parts, LoraTargets targets) {
        List<LoraTarget> chosen = parts.stream().map(LoraPart::target).toList();
        return new LoraConfig(base, parts, targets.namesOf(chosen));
    }

    /** The file. What it leaves unsaid is as usual: old versions of PEFT refuse newer fields. */
    byte[] toJson() {
        int rank = parts.stream().mapToInt(LoraPart::rank).max().orElseThrow();
        Map<String, Object> others = new TreeMap<>();
        for (LoraPart part : parts) {
            if (part.rank() != rank) {
                others.put(part.target().module(), part.rank());
            }
        }
        Map<String, Object> fields = new TreeMap<>();
        fields.put("peft_type", "LORA");
        fields.put("task_type", "CAUSAL_LM");
        fields.put("base_model_name_or_path", base);
        fields.put("revision", null);
        fields.put("auto_mapping", null);
        fields.put("inference_mode", true);
        fields.put("r", rank);
        fields.put("lora_alpha", rank);
        fields.put("rank_pattern", others);
        fields.put("alpha_pattern", others);
        fields.put("target_modules", targetModules);
        fields.put(
                "fan_in_fan_out",
                parts.stream()
                        .anyMatch(part -> part.target().kind() == LoraTarget.Kind.INPUT_MAJOR));
        fields.put("lora_dropout", 0.0);
        fields.put("bias", "none");
        fields.put("modules_to_save", null);
        fields.put("init_lora_weights", true);
        fields.put("layers_to_transform", null);
        fields.put("layers_pattern", null);
        return (Json.writePretty(fields) + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
