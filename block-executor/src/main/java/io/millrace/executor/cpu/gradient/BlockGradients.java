package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.step.Floats;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The gradients of the trained tensors of one block, float32 in the shape that each is stored in:
 * added up over micro-batches, and gone when the next block comes. The block of both ends of a tied
 * model keeps its own from the head to the embedding.
 */
final class BlockGradients {
    private static final long PIECE = 1 << 18;
    private static final long QUANTUM = 16;

    private final Floats place;
    private HostVisit visit;
    private long[] places = new long[0];
    private long length;
    private int held = -1;

    /** Gradients in memory that has room for any block's. */
    BlockGradients(Floats place) {
        this.place = place;
    }

    /** Floats of the trained tensors of a block and of what lies beside it. */
    static long floats(BlockLayout block, Optional<ModelLayout> beside) {
        return trained(block, beside).mapToLong(slot -> aligned(slot.elementCount())).sum();
    }

    /** The trained tensors of a block and of what lies beside it. */
    static Stream<TensorSlot> trained(BlockLayout block, Optional<ModelLayout> beside) {
        return Stream.concat(
                        block.tensors().stream(),
                        beside.stream().flatMap(all -> all.block(block.index()).tensors().stream()))
                .filter(TensorSlot::isTrained);
    }

    private static long aligned(long floats) {
        return Math.ceilDiv(floats, QUANTUM) * QUANTUM;
    }

    /**
     * Begins with a block at zero, or goes on with it where its gradients are still here.
     *
     * @param of the block's visit
     * @param wanted whether anybody does; else no tensor has one
     */
    void begin(HostVisit of, WorkerPool pool, boolean wanted) {
        visit = of;
        if (held == of.block()) {
            return;
        }
        held = of.block();
        places = new long[of.tensorCount()];
        length = 0;
        for (int index = 0; index < places.length; index++) {
            places[index] = -1;
            if (wanted && of.slot(index).isTrained()) {
                places[index] = length;
                length += aligned(of.slot(index).elementCount());
            }
        }
        int pieces = Math.toIntExact(Math.ceilDiv(length, PIECE));
        pool.parallelFor(
                pieces,
                Operator.FORM,
                (index, _) -> {
                    long from = index * PIECE;
                    Floats piece = place.at(from);
                    Rows.zero(piece.segment(), piece.start(), Math.min(PIECE, length - from));
                });
    }

    /** Says that the block's gradients are needed no more. */
    void end() {
        held = -1;
    }

    /** The gradient of a tensor by its name; empty where it is not trained. */
    Optional<Floats> of(String name) {
        return Optional.ofNullable(name).filter(visit::has).flatMap(one -> of(visit.indexOf(one)));
    }

    /** The gradient of a tensor by its place in the visit; empty where it is not trained. */
    Optional<Floats> of(int index) {
        return places[index] < 0 ? Optional.empty() : Optional.of(place.at(places[index]));
    }
}
