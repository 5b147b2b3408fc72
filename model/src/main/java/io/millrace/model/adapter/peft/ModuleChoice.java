package io.millrace.model.adapter.peft;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Which modules PEFT puts an adapter beside, by the rules of its {@code
 * check_target_module_exists}: excluded ones first; then a pattern that matches the whole path, or
 * a list of paths and ends of paths, cut down to some layers.
 */
final class ModuleChoice {
    private static final String TARGETS = ConfigField.TARGET_MODULES.key();
    private static final String EXCLUDED = ConfigField.EXCLUDE_MODULES.key();
    private static final String LAYERS = ConfigField.LAYERS_TO_TRANSFORM.key();
    private static final String LAYER_NAMES = ConfigField.LAYERS_PATTERN.key();

    private static final String ALL_LINEAR = "all-linear";

    /** The first number of a path that has two parts before it. */
    private static final String ANY_LIST = ".*?\\.[^.]*";

    private final boolean allLinear;
    private final Names targets;
    private final Names excluded;
    private final Set<Long> layers;
    private final List<PythonPattern> lists;

    /** A pattern, or names. */
    record Names(Optional<PythonPattern> pattern, Set<String> names) {
        static Names read(ConfigReader config, String field) {
            Optional<String> text = config.text(field).filter(regex -> !regex.isEmpty());
            return text.map(regex ->
                            new Names(
                                    Optional.of(
                                            PythonPattern.compile(config.where(), field, regex)),
                                    Set.of()))
                    .orElseGet(() -> new Names(Optional.empty(), names(config, field)));
        }

        private static Set<String> names(ConfigReader config, String field) {
            return config.text(field).isPresent() ? Set.of() : new HashSet<>(config.strings(field));
        }

        boolean isWhole(String module) {
            return pattern.map(one -> one.matches(module)).orElse(names.contains(module));
        }

        /** Whether it matches, or ends with a name, as PEFT asks of feed-forward modules. */
        boolean isLast(String module) {
            return pattern.map(one -> one.matches(module))
                    .orElse(names.stream().anyMatch(module::endsWith));
        }

        boolean isEnd(String module) {
            for (int dot = module.indexOf('.'); dot >= 0; dot = module.indexOf('.', dot + 1)) {
                if (names.contains(module.substring(dot + 1))) {
                    return true;
                }
            }
            return false;
        }
    }

    private ModuleChoice(
            boolean allLinear,
            Names targets,
            Names excluded,
            Set<Long> layers,
            List<PythonPattern> lists) {
        this.allLinear = allLinear;
        this.targets = targets;
        this.excluded = excluded;
        this.layers = layers;
        this.lists = lists;
    }

    static ModuleChoice read(ConfigReader config) {
        boolean pattern = config.text(TARGETS).isPresent();
        if (!pattern && !config.json().has(TARGETS)) {
            throw config.bad(
                    TARGETS,
                    "is missing",
                    "name the modules of the factors, as PEFT does on saving");
        }
        boolean allLinear =
                config.text(TARGETS).orElse("").toLowerCase(Locale.ROOT).equals(ALL_LINEAR);
        return new ModuleChoice(
                allLinear,
                allLinear ? new Names(Optional.empty(), Set.of()) : Names.read(config, TARGETS),
                Names.read(config, EXCLUDED),
                layers(config, pattern),
                lists(config, pattern));
    }

    private static Set<Long> layers(ConfigReader config, boolean pattern) {
        if (pattern && config.json().has(LAYERS)) {
            throw config.bad(
                    LAYERS,
                    "is given beside a target_modules that is a pattern, which PEFT refuses",
                    "say the layers in the pattern");
        }
        return Set.copyOf(config.naturals(LAYERS));
    }

    private static List<PythonPattern> lists(ConfigReader config, boolean pattern) {
        List<String> names =
                config.text(LAYER_NAMES).map(List::of).orElseGet(() -> config.strings(LAYER_NAMES));
        List<String> given = names.stream().filter(name -> !name.isEmpty()).toList();
        if (given.isEmpty()) {
            return List.of(listed(config, "", ANY_LIST));
        }
        if (pattern || !config.json().has(LAYERS)) {
            throw config.bad(
                    LAYER_NAMES,
                    "is given without layers_to_transform and a list of target_modules, which PEFT"
                            + " refuses",
                    "leave it null, or give both");
        }
        return given.stream().map(name -> listed(config, "(?:^|.*?\\.)", name)).toList();
    }

    private static PythonPattern listed(ConfigReader config, String before, String name) {
        return PythonPattern.compile(
                config.where(), LAYER_NAMES, before, name, "\\.(?<idx>\\d+)\\.");
    }

    /**
     * Whether a module is among them.
     *
     * @param module its path in the base
     * @param linear whether it multiplies by a matrix, and is not the one that makes logits
     */
    boolean has(String module, boolean linear) {
        if (excluded.isWhole(module) || excluded.isEnd(module)) {
            return false;
        }
        if (allLinear) {
            return linear;
        }
        return targets.isWhole(module) || (targets.isEnd(module) && isInLayers(module));
    }

    private boolean isInLayers(String module) {
        return layers.isEmpty()
                || lists.stream()
                        .map(list -> list.index(module))
                        .flatMap(Optional::stream)
                        .findFirst()
                        .map(ModuleChoice::number)
                        .filter(layers::contains)
                        .isPresent();
    }

    private static long number(String digits) {
        return digits.length() > 18 ? Long.MAX_VALUE : Long.parseLong(digits);
    }
}
