package io.millrace.executor.plan;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.step.Arithmetic;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.optim.mask.MaskRule;

/**
 * What a step does to parameters, as far as it decides its work.
 *
 * @param arithmetic whatever the mask, and the rule but for what it gathers
 * @param drawn share of the trained elements that z is made for
 * @param newtonSchulz iterations that make a step orthogonal; 0 where none does
 */
record RuleCosts(Arithmetic arithmetic, double drawn, int newtonSchulz) {
    /** The share that SensZOQ lists, where a plan is not told a file. */
    private static final double USUALLY_LISTED = 1e-3;

    /** Of z for all, and sums. */
    static RuleCosts usual(Arithmetic arithmetic) {
        return new RuleCosts(arithmetic, 1, 0);
    }

    static RuleCosts of(ArithmeticConfig arithmetic, ModelLayout layout) {
        return new RuleCosts(
                Arithmetic.of(arithmetic),
                drawn(arithmetic.mask(), layout),
                arithmetic.rule().orthogonalIterations());
    }

    private static double drawn(MaskRule mask, ModelLayout layout) {
        if (mask.lacksFile()) {
            return USUALLY_LISTED;
        }
        if (mask.file().isEmpty()) {
            return 1; // what is masked is made first
        }
        long listed = 0;
        try (SafetensorsFile file = SafetensorsFile.open(mask.file().get())) {
            for (TensorInfo list : file.tensors().values()) {
                listed += list.shape().stream().reduce(1L, (a, b) -> a * b);
            }
        }
        long trained =
                layout.tuned().blocks().stream()
                        .flatMap(block -> block.tensors().stream())
                        .filter(TensorSlot::isTrained)
                        .mapToLong(TensorSlot::elementCount)
                        .sum();
        return Math.min(1, (double) listed / Math.max(1, trained));
    }
}
