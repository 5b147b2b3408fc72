package io.millrace.model.adapter.peft;

import java.util.List;
import java.util.Set;

/**
 * The fields that an adapter of one type may set, beside those that mean nothing to its weights.
 *
 * @param read names of those whose values count
 */
record StoredFields(List<String> read) {
    private static final Set<String> IGNORED =
            Set.of(
                    "peft_type",
                    "peft_version",
                    "task_type",
                    "auto_mapping",
                    "base_model_name_or_path",
                    "revision",
                    "inference_mode");

    /**
     * Refuses what would change what the weights mean.
     *
     * @throws io.millrace.memory.BadInputException where another field says something
     */
    void require(ConfigReader config) {
        config.json()
                .fields()
                .forEach((name, value) -> {
                    if (!read.contains(name)
                            && !IGNORED.contains(name)
                            && !ConfigField.isUnset(value)) {
                        throw config.bad(
                                name,
                                "is '"
                                        + value
                                        + "', which is not known to leave the weights as they are",
                                "train without it");
                    }
                });
    }
}
