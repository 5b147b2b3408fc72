package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import java.util.HashMap;
import java.util.Map;

/**
 * Where what the updates of a low-rank run gather lies on a device: of each block L of all tensors,
 * then N of its matrices. Offsets in bytes.
 *
 * @param size what is gathered
 * @param left of L, by tensor
 * @param momentum of N, by matrix; empty without momentum
 * @param bytes of all
 * @param tensors how many
 */
public record FactorLayout(
        LowRankSize size,
        Map<Integer, Long> left,
        Map<Integer, Long> momentum,
        long bytes,
        int tensors) {
    private static final long ALIGNMENT = 256;

    static FactorLayout of(LowRankSize size) {
        Map<Integer, Long> left = new HashMap<>();
        Map<Integer, Long> momentum = new HashMap<>();
        long at = 0;
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
            }
        }
        return new FactorLayout(size, left, momentum, at, left.size());
    }

    /** Bytes that a tensor's L takes, and N as many. */
    public static long alignedBytes(LowRankSize size, TensorSlot slot) {
        return Math.ceilDiv(size.left(slot) * Float.BYTES, ALIGNMENT) * ALIGNMENT;
    }

    /** Bytes of the table of all tensors. */
    public long tableBytes() {
        return (long) tensors * LowRankKernels.GATHERED_BYTES;
    }
}
