package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a block's values and their gradients lie on its way back, for one micro-batch. Each value
 * has a place of its own, since what an operator changes is read again by its derivative; the
 * gradients of values that take each other's place share one. All blocks share the memory, and
 * lengths are in floats.
 */
public final class TapePlan {
    private static final long QUANTUM = 16; // a cache line
    private static final Comparator<Map.Entry<Value, Value>> BY_NAME =
            Comparator.comparing(entry -> entry.getKey().name());

    private final List<Places> blocks;
    private final long valueFloats;
    private final long gradientFloats;

    private TapePlan(List<Places> blocks) {
        this.blocks = List.copyOf(blocks);
        valueFloats = blocks.stream().mapToLong(Places::valueFloats).max().orElse(0);
        gradientFloats = blocks.stream().mapToLong(Places::gradientFloats).max().orElse(0);
    }

    /**
     * The places of one block.
     *
     * @param values where each value that it makes begins
     * @param gradients where the gradient of each begins; absent of the one that comes in where
     *     {@link #through}
     * @param first of the values that share a gradient's place the one that is made first
     * @param through whether the gradient of what comes in takes the place of that of what goes out
     * @param valueFloats of all values
     * @param gradientFloats of all gradients
     */
    record Places(
            Map<Value, Long> values,
            Map<Value, Long> gradients,
            Map<Value, Value> first,
            boolean through,
            long valueFloats,
            long gradientFloats) {}

    /**
     * The plan for a model.
     *
     * @param size the most that a step asks for
     */
    public static TapePlan of(ModelProgram program, ScratchSize size) {
        long rows = size.microBatchRows();
        long tableRows = MicroBatch.padded(program.tableRows());
        List<Places> blocks = new ArrayList<>();
        for (BlockProgram block : program.blocks()) {
            blocks.add(
                    places(
                            block,
                            value ->
                                    (value.rows() == Value.Rows.TABLE ? tableRows : rows)
                                            * value.width()));
        }
        return new TapePlan(blocks);
    }

    private interface Length {
        long of(Value value);
    }

    private static Places places(BlockProgram block, Length length) {
        Map<Value, Long> values = new HashMap<>();
        Map<Value, Value> first = new HashMap<>(); // of the values that share a gradient's place
        block.in().ifPresent(in -> first.put(in, in));
        long end = 0;
        for (Op op : block.ops()) {
            for (Value passing : op.passing()) {
                values.put(passing, end);
                end += aligned(length.of(passing));
            }
            if (op.makes().isEmpty()) {
                continue;
            }
            Value made = op.makes().get();
            first.put(made, op.replaces().map(old -> first.getOrDefault(old, old)).orElse(made));
            if (made.memory() != Value.Memory.CARRIED) {
                values.put(made, end);
                end += aligned(length.of(made));
            }
        }
        Value in = block.in().orElse(null);
        Value out = block.out().orElse(null);
        boolean through = in != null && first.get(in).equals(first.get(out));
        Map<Value, Long> gradients = new HashMap<>();
        Map<Value, Long> ofFirst = new HashMap<>();
        long gradientEnd = 0;
        for (Map.Entry<Value, Value> entry : first.entrySet().stream().sorted(BY_NAME).toList()) {
            Value value = entry.getKey();
            boolean flows = through && entry.getValue().equals(first.get(in));
            if (flows || value.memory() == Value.Memory.CARRIED) {
                continue;
            }
            Long place = ofFirst.get(entry.getValue());
            if (place == null) {
                place = gradientEnd;
                ofFirst.put(entry.getValue(), place);
                gradientEnd += aligned(length.of(value));
            }
            gradients.put(value, place);
        }
        for (Op op : block.ops()) {
            for (Value passing : op.passing()) {
                gradients.put(passing, gradientEnd);
                gradientEnd += aligned(length.of(passing));
            }
        }
        return new Places(values, gradients, first, through, end, gradientEnd);
    }

    private static long aligned(long floats) {
        return Math.ceilDiv(floats, QUANTUM) * QUANTUM;
    }

    Places block(int place) {
        return blocks.get(place);
    }

    /** Floats of the values of the largest block. */
    long valueFloats() {
        return valueFloats;
    }

    /** Floats of their gradients. */
    long gradientFloats() {
        return gradientFloats;
    }

    /** Bytes of memory that both take. */
    public long bytes() {
        return HostMemory.pageBytes(Math.max(1, valueFloats) * Float.BYTES)
                + HostMemory.pageBytes(Math.max(1, gradientFloats) * Float.BYTES);
    }
}
