package io.millrace.model;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.spec.Slices;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Names that a wrapper around the model has changed: {@code module.} of data-parallel training,
 * {@code _orig_mod.} of {@code torch.compile}, {@code base_model.model.} of PEFT, {@code model.} of
 * a class that holds the model. They are taken away where the model then has all its tensors, and
 * only then; that a family's own prefix is missing, its {@link Architecture} sees by itself.
 */
final class WrapperNames {
    private static final String COMPILED = "_orig_mod.";
    private static final List<String> PREFIXES = List.of("module.", "base_model.model.", "model.");

    /** Nobody wraps deeper. */
    private static final int MAX_DEPTH = 4;

    private WrapperNames() {}

    /**
     * How names are to be read.
     *
     * @param names as the files have them
     * @return empty where they are the model's own, or no wrapper explains them
     */
    static Optional<UnaryOperator<String>> find(
            Architecture architecture, ModelConfig config, Set<String> names) {
        UnaryOperator<String> path = UnaryOperator.identity();
        Set<String> seen = names;
        for (int depth = 0; depth <= MAX_DEPTH; depth++) {
            if (isWhole(architecture, config, seen)) {
                return depth == 0 ? Optional.empty() : Optional.of(path);
            }
            Optional<UnaryOperator<String>> step = step(seen);
            if (step.isEmpty()) {
                return Optional.empty();
            }
            UnaryOperator<String> before = path;
            UnaryOperator<String> next = step.get();
            path = name -> next.apply(before.apply(name));
            Set<String> shorter = new HashSet<>();
            for (String name : seen) {
                if (!shorter.add(next.apply(name))) {
                    return Optional.empty(); // two tensors would have one name
                }
            }
            seen = shorter;
        }
        return Optional.empty();
    }

    /**
     * The names that the family's own library writes, for files that are not written as they were
     * read: some have a base model's tensors, whose names lack the family's prefix.
     *
     * @param names without a wrapper's parts
     * @return empty where they have these names already
     */
    static Optional<UnaryOperator<String>> own(
            Architecture architecture, ModelConfig config, Set<String> names) {
        List<String> stored = names(architecture, config, names);
        List<String> written = names(architecture, config, Set.of());
        if (stored.size() != written.size() || stored.equals(written)) {
            return Optional.empty();
        }
        Map<String, String> others = new HashMap<>();
        for (int i = 0; i < stored.size(); i++) {
            if (!stored.get(i).equals(written.get(i))) {
                others.put(stored.get(i), written.get(i));
            }
        }
        if (others.values().stream().anyMatch(names::contains)) {
            return Optional.empty();
        }
        return Optional.of(name -> others.getOrDefault(name, name));
    }

    private static List<String> names(
            Architecture architecture, ModelConfig config, Set<String> names) {
        return ProgramTensors.of(architecture.program(config, names))
                .all()
                .map(tensor -> Slices.whole(tensor.name()))
                .distinct()
                .toList();
    }

    private static boolean isWhole(
            Architecture architecture, ModelConfig config, Set<String> names) {
        return names.containsAll(names(architecture, config, names));
    }

    private static Optional<UnaryOperator<String>> step(Set<String> names) {
        if (names.stream().anyMatch(name -> ("." + name).contains("." + COMPILED))) {
            return Optional.of(WrapperNames::withoutCompiled);
        }
        for (String prefix : PREFIXES) {
            if (!names.isEmpty() && names.stream().allMatch(name -> name.startsWith(prefix))) {
                return Optional.of(name -> name.substring(prefix.length()));
            }
        }
        return Optional.empty();
    }

    /** A module may be compiled within the model, too: the part may stand anywhere. */
    private static String withoutCompiled(String name) {
        return ("." + name).replace("." + COMPILED, ".").substring(1);
    }
}
