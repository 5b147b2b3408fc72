package io.millrace.executor.run;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.optim.Rounding;
import io.millrace.optim.gradient.WithMasters;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What rounding to the nearest takes back of a run's steps: changes of less than half of the
 * distance to the neighbours that a weight's type has.
 */
final class RoundedAway {
    private RoundedAway() {}

    /** What to say of it; empty where changes show, or nobody can tell. */
    static Optional<String> line(ArithmeticConfig arithmetic, ModelLayout layout) {
        return arithmetic.isReplayable() ? decay(arithmetic, layout) : steps(arithmetic, layout);
    }

    private static Optional<String> steps(ArithmeticConfig arithmetic, ModelLayout layout) {
        if (arithmetic.rounding() != Rounding.NEAREST || arithmetic.rule() instanceof WithMasters) {
            return Optional.empty();
        }
        return trained(layout)
                .filter(slot -> leastSeen(slot) > 0)
                .findFirst()
                .map(slot ->
                        String.format(
                                "%s of %s, rounded to nearest, takes no notice of steps of less than"
                                        + " %.2g of itself; give --master-weights, or --rounding"
                                        + " stochastic",
                                slot.name(), slot.dtype().torchName(), leastSeen(slot)));
    }

    private static Stream<TensorSlot> trained(ModelLayout layout) {
        return layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .filter(TensorSlot::isTrained);
    }

    private static Optional<String> decay(ArithmeticConfig arithmetic, ModelLayout layout) {
        double part = arithmetic.lr() * arithmetic.weightDecay() * arithmetic.foldEvery();
        if (part == 0 || arithmetic.rounding() != Rounding.NEAREST) {
            return Optional.empty();
        }
        return trained(layout)
                .filter(slot -> !slot.isVector())
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
