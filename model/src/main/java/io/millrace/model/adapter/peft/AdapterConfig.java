package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.model.adapter.LoraSettings;
import io.millrace.model.config.SideFile;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What an {@code adapter_config.json} says of a LoRA: which modules it stands beside, and what rank
 * and what scale each has. Where the file leaves a field out, PEFT's default holds.
 */
final class AdapterConfig {
    private static final long USUAL_RANK = 8;
    private static final long USUAL_ALPHA = 8;

    /** Starts that leave the base as it is; the factors that were saved mean what they say. */
    private static final Set<Object> PLAIN_STARTS =
            Set.of(true, false, "gaussian", "orthogonal", "eva");

    private final String where;
    private final int rank;
    private final double alpha;
    private final boolean byRoot;
    private final ModuleChoice modules;
    private final Map<PythonPattern, Integer> ranks;
    private final Map<PythonPattern, Double> alphas;

    private AdapterConfig(ConfigReader config) {
        where = config.where();
        rank = config.rank(ConfigField.R.key(), value(config, ConfigField.R, USUAL_RANK));
        alpha =
                config.alpha(
                        ConfigField.LORA_ALPHA.key(),
                        value(config, ConfigField.LORA_ALPHA, USUAL_ALPHA));
        byRoot = config.bool(ConfigField.USE_RSLORA.key());
        // A module stores its matrix one way or the other, and PEFT too goes by that.
        config.bool(ConfigField.FAN_IN_FAN_OUT.key());
        modules = ModuleChoice.read(config);
        ranks = new LinkedHashMap<>();
        patterns(config, ConfigField.RANK_PATTERN)
                .forEach((pattern, value) ->
                        ranks.put(pattern, config.rank(ConfigField.RANK_PATTERN.key(), value)));
        alphas = new LinkedHashMap<>();
        patterns(config, ConfigField.ALPHA_PATTERN)
                .forEach((pattern, value) ->
                        alphas.put(pattern, config.alpha(ConfigField.ALPHA_PATTERN.key(), value)));
    }

    /** What a run trains that begins with a LoRA of one rank and one scale beside some modules. */
    LoraSettings settings(int of, List<String> targets) {
        return new LoraSettings(of, alpha, byRoot, targets);
    }

    private static Object value(ConfigReader config, ConfigField field, long otherwise) {
        return config.json().has(field.key()) ? config.json().raw(field.key()) : otherwise;
    }

    /** A key has to match the end of a path, from the beginning of one of its parts on. */
    private static Map<PythonPattern, Object> patterns(ConfigReader config, ConfigField field) {
        Map<PythonPattern, Object> patterns = new LinkedHashMap<>();
        config.entries(field.key())
                .forEach((key, value) ->
                        patterns.put(
                                PythonPattern.compile(
                                        config.where(), field.key(), "(.*\\.)?(", key, ")$"),
                                value));
        return patterns;
    }

    /**
     * Reads a file.
     *
     * @throws BadInputException when it is missing, is none, or asks for what no plain LoRA does
     */
    static AdapterConfig read(Path file) {
        JsonObject json = SideFile.read(file, ConfigReader.MEND);
        ConfigReader config = new ConfigReader(file.toString(), json);
        json.fields().forEach((name, value) -> require(config, name, value));
        requireNoBias(config);
        requirePlainStart(config);
        return new AdapterConfig(config);
    }

    private static void require(ConfigReader config, String name, Object value) {
        if (ConfigField.isUnset(value)) {
            return;
        }
        ConfigField field = ConfigField.find(name).orElse(null);
        if (field == null) {
            throw config.bad(
                    name,
                    "is not known here, and says more than null, false, 0 or nothing",
                    "train without it, or merge with PEFT's merge_and_unload");
        }
        if (field.use() == ConfigField.Use.REFUSED) {
            throw config.bad(name, field.reason(), field.mend());
        }
    }

    private static void requireNoBias(ConfigReader config) {
        String bias = config.string(ConfigField.BIAS.key(), "none");
        if (!bias.equals("none")) {
            throw config.bad(
                    ConfigField.BIAS.key(),
                    "is '" + bias + "': the base's biases were trained too",
                    "train with bias none, or merge with PEFT's merge_and_unload");
        }
    }

    private static void requirePlainStart(ConfigReader config) {
        String field = ConfigField.INIT_LORA_WEIGHTS.key();
        Object start = config.json().has(field) ? config.json().raw(field) : true;
        if (!PLAIN_STARTS.contains(start)) {
            throw config.bad(
                    field,
                    "is '"
                            + start
                            + "', not one of the starts that are known to leave the base as it is",
                    "save the adapter again with path_initial_model_for_weight_conversion, or merge"
                            + " with PEFT's merge_and_unload");
        }
    }

    /** The file. */
    String where() {
        return where;
    }

    /** Which modules have an adapter. */
    ModuleChoice modules() {
        return modules;
    }

    /** The rank of a module's factors. */
    int rank(String module) {
        return first(ranks, module, rank);
    }

    /** What B A is multiplied by: α / r, or α / √r. */
    double scale(String module) {
        int r = rank(module);
        return first(alphas, module, alpha) / (byRoot ? Math.sqrt(r) : r);
    }

    private static <T> T first(Map<PythonPattern, T> patterns, String module, T otherwise) {
        for (Map.Entry<PythonPattern, T> one : patterns.entrySet()) {
            if (one.getKey().begins(module)) {
                return one.getValue();
            }
        }
        return otherwise;
    }
}
