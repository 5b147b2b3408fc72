package io.millrace.executor.cpu.program;

import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Value;
import java.util.Optional;

/**
 * Values in the memory that all blocks share: each while it lives.
 *
 * @param block place of the block's visit in a step
 * @param past tokens whose projections are kept
 * @param hidden the residual stream, [tokens, hidden] for every scale
 * @param held what waits for experts, if anything does
 * @param carried what the embedding makes once for all layers, if it does
 * @param scratch where other values lie
 */
public record ScratchPlaces(
        int block,
        int past,
        Variants hidden,
        Optional<Variants> held,
        Optional<Variants> carried,
        Scratch scratch)
        implements BlockFrame.Places {
    @Override
    public Variants of(Value value, int rows) {
        return switch (value.memory()) {
            case STREAM -> hidden;
            case HELD -> held.orElseThrow().column(scratch.heldColumn(block, value));
            case KEPT -> scratch.kept(block, past);
            case STATES -> scratch.states(block, value, rows);
            case CARRIED -> carried.orElseThrow();
        };
    }

    @Override
    public int carriedRows() {
        return scratch.carriedRows();
    }
}
