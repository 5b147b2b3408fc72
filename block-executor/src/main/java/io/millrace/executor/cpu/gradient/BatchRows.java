package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.cpu.gradient.BackwardPlan.Part;
import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.cpu.program.ScratchPlaces;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Value;
import java.util.Optional;

/**
 * Where rows of the whole batch lie from one block to another: the forward's in its scratch memory,
 * what came into layers and gradients beside it.
 */
final class BatchRows {
    private final Scratch scratch;
    private final BackwardMemory memory;
    private final int width;

    /**
     * Rows of a batch.
     *
     * @param width of the residual stream
     */
    BatchRows(Scratch scratch, BackwardMemory memory, int width) {
        this.scratch = scratch;
        this.memory = memory;
        this.width = width;
    }

    /** The residual stream of a forward from a row of the batch on. */
    Variants hidden(int row) {
        return scratch.hidden(0, row);
    }

    /** What came into the layer of that place in the program. */
    Variants input(int place, int row) {
        return stream(memory.inputs().of(place), row);
    }

    /** The gradient of the residual stream. */
    Variants flow(int row) {
        return stream(memory.of(Part.FLOW), row);
    }

    private Variants stream(Floats place, int row) {
        return new Variants(place.at((long) row * width), 0, width);
    }

    /** What the embedding makes once for all layers, if it does, and its gradient. */
    Optional<Tape.Carried> carried() {
        return scratch.carried(0)
                .map(value ->
                        new Tape.Carried(
                                value,
                                new Variants(
                                        memory.of(Part.CARRIED), value.stride(), value.rowStride()),
                                scratch.carriedRows()));
    }

    /** The gradient of a value that a layer's experts were given, laid out as the value. */
    Variants heldGradient(int place, Value value, int row) {
        long stride = scratch.held(0, row).orElseThrow().rowStride();
        return new Variants(memory.of(Part.HELD).at(row * stride), 0, stride)
                .column(scratch.heldColumn(place, value));
    }

    /** What a layer's experts were given, and the gradients. */
    ExpertBackward.Held held(int place, MixtureOp.Experts op, int row) {
        Variants held = scratch.held(0, row).orElseThrow();
        return new ExpertBackward.Held(
                held.column(scratch.heldColumn(place, op.in())),
                held.column(scratch.heldColumn(place, op.routes())),
                heldGradient(place, op.in(), row),
                heldGradient(place, op.routes(), row),
                flow(row));
    }

    /** A micro-batch in a block on the way there. */
    BlockFrame there(int place, FormedWeights weights, MicroBatch batch, int index, int row) {
        BlockFrame.Places places =
                new ScratchPlaces(
                        place, 0, hidden(row), scratch.held(0, row), scratch.carried(0), scratch);
        return frame(place, weights, batch, places, index, row);
    }

    /** The same wherever its values lie. */
    static BlockFrame frame(
            int place,
            FormedWeights weights,
            MicroBatch batch,
            BlockFrame.Places places,
            int index,
            int row) {
        QueryGroup group = new QueryGroup(0, ForwardRequest.AT_THETA);
        return new BlockFrame(
                place,
                weights,
                batch,
                places,
                new BlockFrame.Answer(NoAnswers.SINK, group, index, 0, row));
    }
}
