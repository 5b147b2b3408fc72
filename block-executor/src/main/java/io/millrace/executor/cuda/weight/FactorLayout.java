package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.direction.FactoredDirection;
import java.util.HashMap;
import java.util.Map;

/**
 * Where what the updates of a run with thin factors gather lies on a device: of each block L of all
 * tensors, or as much as another core, then N of its matrices. Orthonormal factors lie beside it
 * for a window, since they take long to make. Offsets in bytes.
 *
 * @param size what is gathered
 * @param left of L, by tensor
 * @param momentum of N, by matrix; empty without momentum
 * @param bytes of all
 * @param fixed of the right factor and then the left one, by matrix; empty where none is kept
 * @param fixedBytes of all of those
 * @param tensors how many
 */
public record FactorLayout(
        LowRankSize size,
        Map<Integer, Long> left,
        Map<Integer, Long> momentum,
        long bytes,
        Map<Integer, Long> fixed,
        long fixedBytes,
        int tensors) {
    private static final long ALIGNMENT = 256;

    static FactorLayout of(LowRankSize size) {
        Map<Integer, Long> left = new HashMap<>();
        Map<Integer, Long> momentum = new HashMap<>();
        Map<Integer, Long> fixed = new HashMap<>();
        long at = 0;
        long kept = 0;
        for (BlockLayout block : size.layout().blocks()) {
            for (TensorSlot slot : LowRankSize.trained(block)) {
                left.put(slot.tensorId(), at);
                at += alignedBytes(size, slot);
            }
            for (TensorSlot slot : LowRankSize.trained(block)) {
                if (size.momentum() && LowRankSize.isMatrix(slot)) {
                    momentum.put(slot.tensorId(), at);
                    at += alignedBytes(size, slot);
                }
                if (keeps(size.direction()) && LowRankSize.isMatrix(slot)) {
                    fixed.put(slot.tensorId(), kept);
                    kept += aligned(size.right(slot)) + aligned(size.fixedLeft(slot));
                }
            }
        }
        return new FactorLayout(size, left, momentum, at, fixed, kept, left.size());
    }

    /** Whether fixed factors stay where they are made. */
    public static boolean keeps(FactoredDirection direction) {
        return direction.isOrthonormal() || direction.isOfBase();
    }

    /** Bytes that a tensor's L takes, and N as many. */
    public static long alignedBytes(LowRankSize size, TensorSlot slot) {
        return aligned(size.left(slot));
    }

    /** Bytes from a matrix's right factor to its left one. */
    public static long rightBytes(LowRankSize size, TensorSlot slot) {
        return aligned(size.right(slot));
    }

    private static long aligned(long floats) {
        return Math.ceilDiv(floats * Float.BYTES, ALIGNMENT) * ALIGNMENT;
    }

    /** Bytes of the table of all tensors. */
    public long tableBytes() {
        return (long) tensors * LowRankKernels.GATHERED_BYTES;
    }
}
