package io.millrace.executor.cuda.weight;

import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.schedule.StatesPlan;
import io.millrace.memory.DType;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import java.util.ArrayList;
import java.util.List;

/**
 * How a card runs a model, and where the values of a block lie meanwhile.
 *
 * @param type what products read, F32, F16 or BF16
 * @param blocks how each runs, in the order of visits
 * @param states places of values, in bytes
 */
public record DeviceProgram(DType type, List<DeviceBlock> blocks, StatesPlan states) {
    /** Bytes that places begin at multiples of. */
    static final long ALIGNMENT = 256;

    /**
     * The way of a model.
     *
     * @param rows of a micro-batch, for all scales of a query together
     * @throws io.millrace.memory.BadInputException where a device cannot run it
     */
    static DeviceProgram of(ModelProgram program, DType type, long rows) {
        List<DeviceBlock> blocks = new ArrayList<>();
        for (BlockProgram block : program.blocks()) {
            blocks.add(DeviceBlock.of(block, type));
        }
        List<Schedule> schedules = blocks.stream().map(DeviceBlock::schedule).toList();
        StatesPlan states =
                StatesPlan.of(
                        schedules,
                        (block, value) -> {
                            DType stored = blocks.get(block).type(value, type);
                            return aligned(rows * value.width() * stored.sizeBytes());
                        });
        return new DeviceProgram(type, blocks, states);
    }

    static long aligned(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }
}
