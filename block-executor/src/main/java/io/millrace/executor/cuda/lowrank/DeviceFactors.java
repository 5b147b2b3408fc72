package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.FactorLayout;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.optim.update.FactorSchedule;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;

/**
 * What the updates of a low-rank run have gathered on a device. All tensors of a block move along
 * the steps together.
 */
final class DeviceFactors {
    private final DeviceScratch scratch;
    private final FactorLayout layout;
    private final Map<Integer, Block> blocks = new HashMap<>();

    /**
     * Of a run before its first step.
     *
     * @param device whose memory the scratch has
     * @param scratch with a plan for low-rank directions
     * @param foldEvery steps from one fold to the next
     */
    DeviceFactors(Device device, DeviceScratch scratch, int foldEvery) {
        this.scratch = scratch;
        layout = scratch.plan().factors().orElseThrow();
        MemorySegment staging = scratch.staging().segment().asSlice(0, layout.tableBytes());
        long at = 0;
        for (BlockLayout block : layout.size().layout().blocks()) {
            blocks.put(block.index(), block(block, at, foldEvery));
            for (TensorSlot slot : LowRankSize.trained(block)) {
                writeRow(staging, at, slot);
                at += LowRankKernels.GATHERED_BYTES;
            }
        }
        try (DeviceEvent copied = device.newEvent()) {
            long place = scratch.plan().offsets().get(Part.GATHERED_TABLE);
            device.compute().copyH2D(staging, scratch.memory(), place);
            device.compute().record(copied);
            copied.synchronize();
        }
    }

    /**
     * A block's share.
     *
     * @param schedule how it moves
     * @param table address of its tensors' rows
     * @param count how many
     * @param longest floats of the longest L
     * @param momentum address of all its N; 0 without momentum
     * @param momentumBytes of all of them
     */
    record Block(
            FactorSchedule schedule,
            long table,
            int count,
            long longest,
            long momentum,
            long momentumBytes) {}

    private Block block(BlockLayout block, long rowOffset, int foldEvery) {
        LowRankSize size = layout.size();
        long longest = LowRankSize.trained(block).stream().mapToLong(size::left).max().orElse(0);
        long first = 0;
        long bytes = 0;
        for (TensorSlot slot : LowRankSize.trained(block)) {
            long place = momentum(slot);
            if (place != 0) {
                first = first == 0 ? place : first;
                bytes += FactorLayout.alignedBytes(size, slot);
            }
        }
        return new Block(
                new FactorSchedule(size.direction(), foldEvery, size.momentum()),
                scratch.address(Part.GATHERED_TABLE) + rowOffset,
                LowRankSize.trained(block).size(),
                longest,
                first,
                bytes);
    }

    private void writeRow(MemorySegment staging, long at, TensorSlot slot) {
        staging.set(ValueLayout.JAVA_LONG, at, left(slot));
        staging.set(ValueLayout.JAVA_LONG, at + 8, momentum(slot));
        staging.set(ValueLayout.JAVA_LONG, at + 16, layout.size().left(slot));
        staging.set(ValueLayout.JAVA_INT, at + 24, slot.tensorId());
        staging.set(ValueLayout.JAVA_INT, at + 28, LowRankSize.isMatrix(slot) ? 1 : 0);
    }

    Block of(int block) {
        return blocks.get(block);
    }

    /** Address of a tensor's L. */
    long left(TensorSlot slot) {
        return scratch.address(Part.GATHERED) + layout.left().get(slot.tensorId());
    }

    /** Address of a matrix's N; 0 where there is none. */
    long momentum(TensorSlot slot) {
        Long offset = layout.momentum().get(slot.tensorId());
        return offset == null ? 0 : scratch.address(Part.GATHERED) + offset;
    }
}
