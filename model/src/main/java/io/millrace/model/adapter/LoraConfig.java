package io.millrace.model.adapter;

import io.millrace.telemetry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What {@code adapter_config.json} says of a LoRA. PEFT scales B A by {@code lora_alpha / r}, or by
 * {@code lora_alpha / √r}; where factors are to be taken as they are, both are the rank.
 *
 * @param base what the model is loaded by
 * @param parts the modules, at least one
 * @param targetModules what PEFT finds them by
 * @param scaling of all parts; empty where their factors are to be taken as they are
 * @param task the {@code task_type}; empty where PEFT takes the model as it is
 */
public record LoraConfig(
        String base,
        List<LoraPart> parts,
        List<String> targetModules,
        Optional<Scaling> scaling,
        Optional<String> task) {
    /**
     * What parts are scaled by.
     *
     * @param alpha {@code lora_alpha}
     * @param rslora whether it is divided by √r in place of r
     */
    public record Scaling(double alpha, boolean rslora) {
        private Number written() {
            return alpha == Math.rint(alpha) && Math.abs(alpha) < MOST_WHOLE
                    ? (Number) (long) alpha
                    : (Number) alpha;
        }
    }

    private static final double MOST_WHOLE = 1L << 53;

    /** Freezes the lists. */
    public LoraConfig {
        parts = List.copyOf(parts);
        targetModules = List.copyOf(targetModules);
    }

    /** Of factors beside a decoder that are to be taken as they are. */
    public LoraConfig(String base, List<LoraPart> parts, List<String> targetModules) {
        this(base, parts, targetModules, Optional.empty(), AdapterFields.DECODER);
    }

    /** The same parts, which are all scaled alike. */
    public LoraConfig scaled(double alpha, boolean rslora) {
        return new LoraConfig(
                base, parts, targetModules, Optional.of(new Scaling(alpha, rslora)), task);
    }

    /** The configuration of parts of a model. */
    public static LoraConfig of(String base, List<LoraPart> parts, LoraTargets targets) {
        List<LoraTarget> chosen = parts.stream().map(LoraPart::target).toList();
        return new LoraConfig(
                base, parts, targets.namesOf(chosen), Optional.empty(), targets.task());
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
        Map<String, Object> fields = AdapterFields.of("LORA", base, task);
        fields.put("r", rank);
        fields.put("lora_alpha", scaling.map(Scaling::written).orElse(rank));
        fields.put("rank_pattern", others);
        fields.put("alpha_pattern", scaling.isPresent() ? Map.of() : others);
        if (scaling.filter(Scaling::rslora).isPresent()) {
            fields.put("use_rslora", true);
        }
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
