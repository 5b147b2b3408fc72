package io.millrace.executor.plan;

import io.millrace.executor.step.BlockSet;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.StateSlot;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.optim.estimate.Questions;
import io.millrace.prefetch.plan.Operation;
import io.millrace.prefetch.plan.StepWork;
import io.millrace.prefetch.plan.VisitWork;
import java.util.ArrayList;
import java.util.List;

/**
 * What a step along the gradient computes: the forward there with weights as they are; on the way
 * back each block once more, two products for each of its own, and what its rule does to it.
 */
final class GradientCosts {
    private static final StepParts STILL = new StepParts(BlockSet.NONE, List.of(BlockSet.NONE));
    private static final Questions ONCE = Questions.each(1, 1);

    // Five products for the two of the way there.
    private static final long ATTENTION_NUMERATOR = 5;
    private static final long ATTENTION_DENOMINATOR = 2;

    // What is read and written again, and added up.
    private static final double PASSES = 1.5;

    private final ModelLayout layout;
    private final BlockSet parts;

    private GradientCosts(ModelLayout layout, BlockSet parts) {
        this.layout = layout;
        this.parts = parts;
    }

    /**
     * The work of a step.
     *
     * @param parts the blocks that have a part in it
     */
    static StepWork of(
            ModelProgram program, ModelLayout layout, StepCosts.Shape shape, BlockSet parts) {
        StepWork there =
                StepCosts.passes(program, layout, List.of(shape.asking(ONCE)), STILL).getFirst();
        return new StepWork(
                new GradientCosts(layout, parts).visits(there.visits()), there.tokens(), 1);
    }

    private List<VisitWork> visits(List<VisitWork> there) {
        int head = there.size() - 1;
        int lowest = 0;
        while (lowest < head && !takesPart(there.get(lowest).block())) {
            lowest++;
        }
        List<VisitWork> visits = new ArrayList<>(there.subList(0, head));
        boolean tied = there.getFirst().block() == there.get(head).block();
        visits.add(back(there.get(head), !tied));
        for (int visit = head - 1; visit >= lowest; visit--) {
            visits.add(back(there.get(visit), true));
        }
        return visits;
    }

    private boolean takesPart(int block) {
        return parts.has(block)
                && layout.tuned().block(block).tensors().stream().anyMatch(TensorSlot::isTrained);
    }

    /** The block once more, and back. */
    private VisitWork back(VisitWork there, boolean updates) {
        List<Operation> operations = new ArrayList<>(there.reading());
        there.reading().forEach(operation -> addBack(operation, operations));
        boolean changes = updates && takesPart(there.block());
        if (changes) {
            addUpdate(layout.tuned().block(there.block()), operations);
        }
        boolean moves = changes && layout.beside().isEmpty();
        return new VisitWork(there.block(), operations, operations, moves);
    }

    private static void addBack(Operation there, List<Operation> operations) {
        switch (there) {
            case Operation.Matmul one -> {
                long times = 2 * one.times();
                long sums = one.outputs();
                long columns = one.inputs();
                operations.add(new Operation.Matmul(one.rows(), sums, columns, times));
            }
            case Operation.Attend one ->
                    operations.add(
                            new Operation.Attend(
                                    one.tokens(),
                                    one.headSize(),
                                    one.times() * ATTENTION_NUMERATOR / ATTENTION_DENOMINATOR));
            case Operation.Pass one ->
                    operations.add(new Operation.Pass(one.kind(), PASSES * one.elements()));
            case Operation.Side one -> {
                long sums = one.outputs();
                long columns = one.inputs();
                long times = 2 * one.times();
                operations.add(new Operation.Side(one.rows(), sums, columns, one.rank(), times));
            }
            case Operation.Dispatch one -> operations.add(new Operation.Dispatch(2 * one.times()));
            case Operation.Form _, Operation.Stored _, Operation.Factor _, Operation.Terms _ ->
                    operations.add(there);
        }
    }

    /** A pass over the weights, and one over each of their states. */
    private static void addUpdate(BlockLayout block, List<Operation> operations) {
        for (TensorSlot slot : block.tensors()) {
            if (slot.isTrained()) {
                operations.add(
                        new Operation.Form(slot.elementCount(), slot.dtype(), 0, false, true));
                operations.add(new Operation.Dispatch(1));
            }
        }
        for (StateSlot state : block.states()) {
            operations.add(new Operation.Form(state.elementCount(), state.dtype(), 0, false, true));
        }
    }
}
