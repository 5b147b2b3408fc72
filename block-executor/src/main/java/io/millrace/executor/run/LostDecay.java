package io.millrace.executor.run;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.optim.Rounding;
import java.util.Optional;

/**
 * Weight decay that rounding takes back: what it takes of a weight from one rounding to the next is
 * less than half of the distance to the neighbours that the weight's type has.
 */
final class LostDecay {
    private LostDecay() {}

    /** What to say of it; empty where decay shows, or there is none. */
    static Optional<String> line(ArithmeticConfig arithmetic, ModelLayout layout) {
        double part = arithmetic.lr() * arithmetic.weightDecay() * arithmetic.foldEvery();
        if (part == 0 || arithmetic.rounding() != Rounding.NEAREST) {
            return Optional.empty();
        }
        return layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .filter(slot -> slot.isTrained() && !slot.isVector())
                .filter(slot -> part < leastSeen(slot))
                .findFirst()
                .map(slot ->
                        String.format(
                                "weight decay of %.2g from one rounding to the next is lost: %s of"
                                        + " %s, rounded to nearest, takes no notice of less than"
                                        + " %.2g of itself; give --rounding stochastic",
                                part, slot.name(), slot.dtype().torchName(), leastSeen(slot)));
    }

    /** The least share of a value that can bring it to another, or 0. */
    private static double leastSeen(TensorSlot slot) {
        return slot.dtype() == DType.BF16 ? 0x1p-9 : slot.dtype() == DType.F16 ? 0x1p-12 : 0;
    }
}
