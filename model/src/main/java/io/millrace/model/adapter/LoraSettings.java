package io.millrace.model.adapter;

import io.millrace.model.program.ModelProgram;
import java.util.List;

/**
 * Which LoRA stands beside a model: one product of thin factors a module, of one rank (arXiv
 * 2106.09685; fields as PEFT has them).
 *
 * @param rank r
 * @param alpha α: what a product adds is scaled by α / r
 * @param rslora whether it is scaled by α / √r instead (arXiv 2312.03732)
 * @param targets modules by the ends of their paths, or {@link #ALL_LINEAR} alone
 */
public record LoraSettings(int rank, double alpha, boolean rslora, List<String> targets)
        implements AdapterSettings {
    /** Stands for every product with a matrix but that of the output head. */
    public static final String ALL_LINEAR = "all-linear";

    /** Freezes the list. */
    public LoraSettings {
        targets = List.copyOf(targets);
    }

    @Override
    public Adapter of(ModelProgram stored, ModelProgram published) {
        return Lora.of(stored, published, this);
    }

    /** The factor on what a product adds. */
    public float scale() {
        return (float) (alpha / (rslora ? Math.sqrt(rank) : rank));
    }

    /** Whether a module is among the targets: its path is one, or ends with one behind a dot. */
    boolean isTarget(String module) {
        return targets.stream().anyMatch(target -> names(target, module));
    }

    static boolean names(String target, String module) {
        return target.equals(ALL_LINEAR) || module.equals(target) || module.endsWith("." + target);
    }
}
