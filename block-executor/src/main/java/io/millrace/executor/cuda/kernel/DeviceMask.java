package io.millrace.executor.cuda.kernel;

import io.millrace.optim.mask.ElementMask;
import io.millrace.optim.mask.ListedMask;
import io.millrace.optim.mask.RandomMask;
import io.millrace.optim.mask.ThresholdMask;
import java.util.Optional;
import java.util.function.IntToLongFunction;
import java.util.function.IntUnaryOperator;
import java.util.function.LongUnaryOperator;

/**
 * Which elements keep their z, as kernels know it: what mask.cuh has.
 *
 * @param kind the kernels' number; 0 where all do
 * @param seeds what the elements of a step are drawn from; 0 where all steps have one mask
 * @param bounds of a tensor, as bits: the largest magnitude that keeps its z, the first word that
 *     does not, or how many stretches its list is cut into
 * @param tables address of a tensor's list; 0 where it has none, or nothing is listed
 */
public record DeviceMask(
        int kind, LongUnaryOperator seeds, IntUnaryOperator bounds, IntToLongFunction tables) {
    /** All elements. */
    public static final DeviceMask NONE = new DeviceMask(0, _ -> 0, _ -> 0, _ -> 0);

    private static final int NOT_ABOVE = 1;
    private static final int DRAWN = 2;
    private static final int LISTED = 3;

    /**
     * A mask, where there is a kernel for it.
     *
     * @param tables where lists lie, if it has any
     */
    public static Optional<DeviceMask> of(ElementMask mask, IntToLongFunction tables) {
        return switch (mask) {
            case ThresholdMask threshold ->
                    Optional.of(
                            new DeviceMask(
                                    NOT_ABOVE,
                                    _ -> 0,
                                    tensor -> Float.floatToRawIntBits(threshold.threshold(tensor)),
                                    _ -> 0));
            case RandomMask random ->
                    Optional.of(
                            new DeviceMask(DRAWN, random::seed, _ -> (int) random.end(), _ -> 0));
            case ListedMask listed ->
                    Optional.of(new DeviceMask(LISTED, _ -> 0, listed::stretches, tables));
            default -> Optional.empty();
        };
    }

    /** Whether there is a kernel for a mask. */
    public static boolean makes(ElementMask mask) {
        return of(mask, _ -> 0).isPresent();
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

    long table(int tensorId) {
        return tensorId < 0 ? 0 : tables.applyAsLong(tensorId);
    }
}
