package io.millrace.model;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.file.WeightForm;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Slices;
import io.millrace.model.spec.TensorSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/** A folder's tensors as an architecture wants them: by its names, experts one by one. */
final class FoundWeights {
    private FoundWeights() {}

    /** By the names that the architecture gives them. */
    static WeightFiles named(WeightFiles weights, Architecture architecture, ModelConfig config) {
        Set<String> stored = weights.tensors().keySet();
        Optional<UnaryOperator<String>> unwrapped = WrapperNames.find(architecture, config, stored);
        WeightFiles named = unwrapped.map(weights::renamed).orElse(weights);
        if (weights.form() == WeightForm.SAFETENSORS) {
            return named;
        }
        // These are not written as they were read, and so by the names that the library expects.
        UnaryOperator<String> first = unwrapped.orElse(UnaryOperator.identity());
        return WrapperNames.own(architecture, config, named.tensors().keySet())
                .map(own -> weights.renamed(name -> own.apply(first.apply(name))))
                .orElse(named);
    }

    /** With each expert's part of a tensor that holds those of all as a tensor of its own. */
    static WeightFiles sliced(ModelProgram program, WeightFiles weights) {
        Map<String, Integer> wholes = new HashMap<>();
        ProgramTensors.of(program)
                .all()
                .map(TensorSpec::name)
                .filter(name -> !weights.tensors().containsKey(name))
                .flatMap(name -> Slices.find(name).stream())
                .forEach(slice -> wholes.merge(slice.whole(), 1, Integer::sum));
        return wholes.isEmpty() ? weights : weights.sliced(wholes);
    }
}
