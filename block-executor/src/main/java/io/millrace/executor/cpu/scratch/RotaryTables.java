package io.millrace.executor.cpu.scratch;

import io.millrace.executor.cpu.op.Rotary;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.RotaryTable;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.spec.RopeSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Cosines and sines of the rotary embeddings, one table for all layers that turn alike. */
public final class RotaryTables implements AutoCloseable {
    private final Map<RopeSpec, HostSlab> tables = new HashMap<>();
    private final int positions;

    /**
     * Computes tables.
     *
     * @param memory where they lie
     * @param ropes the embeddings, each once
     * @param positions tokens of the longest sequence
     */
    RotaryTables(HostMemory memory, Set<RopeSpec> ropes, int positions) {
        this.positions = positions;
        try {
            for (RopeSpec rope : ropes) {
                long bytes = RotaryTable.tableFloats(rope, positions) * Float.BYTES;
                HostSlab slab = memory.allocate("rotary table", bytes);
                tables.put(rope, slab);
                RotaryTable.fillTable(rope, positions, slab.segment(), 0);
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Turns the heads of some tokens in place. */
    public void turn(
            RopeSpec rope,
            int[] tokenPositions,
            int from,
            int to,
            Floats heads,
            long rowStride,
            long headStride,
            int headCount) {
        Rotary.apply(
                rope,
                tables.get(rope).segment(),
                0,
                positions,
                tokenPositions,
                from,
                to,
                heads.segment(),
                heads.start(),
                rowStride,
                headStride,
                headCount);
    }

    /** Makes gradients of turned heads gradients of the heads before, in place. */
    public void turnGradient(
            RopeSpec rope,
            int[] tokenPositions,
            int from,
            int to,
            Floats gradients,
            long rowStride,
            long headStride,
            int headCount) {
        Rotary.applyGradient(
                rope,
                tables.get(rope).segment(),
                0,
                positions,
                tokenPositions,
                from,
                to,
                gradients.segment(),
                gradients.start(),
                rowStride,
                headStride,
                headCount);
    }

    @Override
    public void close() {
        tables.values().forEach(HostSlab::close);
    }
}
