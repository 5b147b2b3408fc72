package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.cpu.program.BlockInterpreter;
import io.millrace.executor.schedule.Stage;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import java.util.Optional;

/**
 * Takes a micro-batch through a block once more, keeping what each operator makes, and then back:
 * operators in reverse, each adding what it knows of the gradients of what it read and of its
 * weights.
 */
final class BackwardInterpreter {
    private final BlockInterpreter interpreter;
    private final Kinds kinds;

    /** The way back of each kind of operator. */
    record Kinds(
            LinearBackward linear,
            NormBackward norms,
            AttentionBackward attention,
            LookupBackward lookup,
            ScoreBackward score,
            ElementBackward elements,
            BesideBackward beside,
            MixtureBackward mixture) {}

    BackwardInterpreter(BlockInterpreter interpreter, Kinds kinds) {
        this.interpreter = interpreter;
        this.kinds = kinds;
    }

    /** Makes all values of a block but what experts and the loss make of them. */
    void recompute(BlockProgram block, BlockFrame frame) {
        for (Op op : block.ops()) {
            int rows = rows(op, frame);
            if (rows == 0 || op instanceof Op.Score || op instanceof MixtureOp.Experts) {
                continue;
            }
            op.replaces().ifPresent(old -> keep(old, op.makes().orElseThrow(), frame, rows));
            interpreter.run(new Stage(op, Optional.empty(), Optional.empty()), frame, rows);
        }
    }

    private static int rows(Op op, BlockFrame frame) {
        Value of = op.makes().orElseGet(() -> op.reads().getFirst());
        return frame.rows(of.rows());
    }

    /** What an operator changes where it lies is read again on the way back. */
    private void keep(Value old, Value made, BlockFrame frame, int rows) {
        Variants from = frame.place(old);
        kinds.elements.add(from, frame.place(made), made.width(), rows, false);
    }

    /**
     * Takes the gradient of what a block gives back to what it was given.
     *
     * @param weight of each scored row in the mean loss
     */
    void back(BlockProgram block, GradientFrame frame, double weight) {
        for (Op op : block.ops().reversed()) {
            boolean asked = rows(op, frame.frame()) > 0;
            if (asked && op.makes().map(frame::isKnown).orElse(true)) {
                back(op, frame, weight);
            }
        }
    }

    private void back(Op one, GradientFrame frame, double weight) {
        switch (one) {
            case Op.Lookup op -> kinds.lookup.run(op, frame);
            case Op.Copy op -> kinds.elements.run(op, frame);
            case Op.Norm op -> kinds.norms.run(op, frame);
            case Op.NormHeads op -> kinds.norms.run(op, frame);
            case Op.Linear op -> kinds.linear.run(op, frame);
            case Op.Rotate op -> kinds.attention.run(op, frame);
            case Op.Attend op -> kinds.attention.run(op, frame);
            case Op.Activate op -> kinds.elements.run(op, frame);
            case Op.Gate op -> kinds.elements.run(op, frame);
            case Op.GateHalves op -> kinds.elements.run(op, frame);
            case Op.Times op -> kinds.elements.run(op, frame);
            case Op.Add op -> kinds.elements.run(op, frame);
            case Op.Beside op -> kinds.beside.run(op, frame);
            case MixtureOp op -> kinds.mixture.run(op, frame);
            case LatentOp.Columns op -> kinds.elements.run(op, frame);
            case LatentOp.Join op -> kinds.elements.run(op, frame);
            case Op.Score op -> kinds.score.run(op, frame, weight);
        }
    }
}
