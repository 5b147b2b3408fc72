package io.millrace.model.adapter.peft;

import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The fields of {@code adapter_config.json} that are known, and what each is here for. A field that
 * is not among them may be there as long as it says nothing.
 */
enum ConfigField {
    PEFT_TYPE(Use.READ),
    R(Use.READ),
    LORA_ALPHA(Use.READ),
    USE_RSLORA(Use.READ),
    TARGET_MODULES(Use.READ),
    EXCLUDE_MODULES(Use.READ),
    LAYERS_TO_TRANSFORM(Use.READ),
    LAYERS_PATTERN(Use.READ),
    RANK_PATTERN(Use.READ),
    ALPHA_PATTERN(Use.READ),
    FAN_IN_FAN_OUT(Use.READ),
    BIAS(Use.READ),
    INIT_LORA_WEIGHTS(Use.READ),

    TASK_TYPE(Use.IGNORED),
    AUTO_MAPPING(Use.IGNORED),
    BASE_MODEL_NAME_OR_PATH(Use.IGNORED),
    REVISION(Use.IGNORED),
    INFERENCE_MODE(Use.IGNORED),
    PEFT_VERSION(Use.IGNORED),
    LORA_DROPOUT(Use.IGNORED),
    RUNTIME_CONFIG(Use.IGNORED),
    MEGATRON_CORE(Use.IGNORED),
    LOFTQ_CONFIG(Use.IGNORED),
    EVA_CONFIG(Use.IGNORED),
    CORDA_CONFIG(Use.IGNORED),
    LORA_GA_CONFIG(Use.IGNORED),
    QALORA_GROUP_SIZE(Use.IGNORED),

    USE_DORA(
            "asks for DoRA, which scales every row of a weight anew",
            "train a plain LoRA, or merge with PEFT's merge_and_unload"),
    MODULES_TO_SAVE(
            "names modules that are stored whole beside the LoRA",
            "train with modules_to_save null, or merge with PEFT's merge_and_unload"),
    LORA_BIAS("asks for a bias beside B", "train with lora_bias false"),
    TARGET_PARAMETERS(
            "names parameters that are no module's weight",
            "train with target_modules alone, or merge with PEFT's merge_and_unload"),
    TRAINABLE_TOKEN_INDICES(
            "names tokens whose embeddings are trained by themselves",
            "train with trainable_token_indices null, or merge with PEFT's merge_and_unload"),
    LAYER_REPLICATION(
            "repeats layers of the base, which makes a model of more layers",
            "make that model first, and train a LoRA of it"),
    MEGATRON_CONFIG("is for layers of Megatron", "save the adapter from a transformers model"),
    USE_QALORA("pools the inputs of A", "train with use_qalora false"),
    ALORA_INVOCATION_TOKENS(
            "switches the adapter on at some tokens, which no merged weight does",
            "train with alora_invocation_tokens null"),
    ENSURE_WEIGHT_TYING(
            "ties the adapters of embedding and head", "train with ensure_weight_tying false");

    /** What a field is here for. */
    enum Use {
        /** Its value decides what is made of the factors. */
        READ,
        /** Whatever it says, the factors mean the same. */
        IGNORED,
        /** It may be null, false, 0 or empty; anything else changes what the factors mean. */
        REFUSED
    }

    private static final Map<String, ConfigField> BY_NAME =
            Arrays.stream(values()).collect(Collectors.toMap(ConfigField::key, field -> field));

    private final Use use;
    private final String reason;
    private final String mend;

    ConfigField(Use use) {
        this.use = use;
        this.reason = "";
        this.mend = "";
    }

    ConfigField(String reason, String mend) {
        this.use = Use.REFUSED;
        this.reason = reason;
        this.mend = mend;
    }

    static Optional<ConfigField> find(String key) {
        return Optional.ofNullable(BY_NAME.get(key));
    }

    /** The name in the file. */
    String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    Use use() {
        return use;
    }

    /** Why a value that says something is refused. */
    String reason() {
        return reason;
    }

    /** What to do about it. */
    String mend() {
        return mend;
    }

    /** Whether a value says nothing, as PEFT's defaults do: null, false, 0, or empty. */
    static boolean isUnset(Object value) {
        return switch (value) {
            case null -> true;
            case Boolean truth -> !truth;
            case Number number -> number.doubleValue() == 0;
            case String text -> text.isEmpty();
            case Collection<?> values -> values.isEmpty();
            case Map<?, ?> fields -> fields.isEmpty();
            default -> false;
        };
    }
}
