package io.millrace.executor.cuda.kernel;

import io.millrace.optim.mask.ElementMask;
import io.millrace.optim.mask.RandomMask;
import io.millrace.optim.mask.ThresholdMask;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.function.LongUnaryOperator;

/**
 * Which elements keep their z, as kernels know it: what mask.cuh has.
 *
 * @param kind the kernels' number; 0 where all do
 * @param seeds what the elements of a step are drawn from; 0 where all steps have one mask
 * @param bounds of a tensor, as bits: the largest magnitude that keeps its z, or the first word
 *     that does not
 */
public record DeviceMask(int kind, LongUnaryOperator seeds, IntUnaryOperator bounds) {
    /** All elements. */
    public static final DeviceMask NONE = new DeviceMask(0, _ -> 0, _ -> 0);

    private static final int NOT_ABOVE = 1;
    private static final int DRAWN = 2;

    /** A mask, where there is a kernel for it. */
    public static Optional<DeviceMask> of(ElementMask mask) {
        return switch (mask) {
            case ThresholdMask threshold ->
                    Optional.of(
                            new DeviceMask(
                                    NOT_ABOVE,
                                    _ -> 0,
                                    tensor ->
                                            Float.floatToRawIntBits(threshold.threshold(tensor))));
            case RandomMask random ->
                    Optional.of(new DeviceMask(DRAWN, random::seed, _ -> (int) random.end()));
            default -> Optional.empty();
        };
    }

    /** Whether some elements may have no z. */
    public boolean masks() {
        return kind != 0;
    }

    long seed(long step) {
        return seeds.applyAsLong(step);
    }

    int bound(int tensorId) {
        // A tensor that is not trained has no id, and no z to be cleared.
        return tensorId < 0 ? 0 : bounds.applyAsInt(tensorId);
    }
}
