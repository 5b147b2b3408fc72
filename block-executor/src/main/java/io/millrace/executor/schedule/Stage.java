package io.millrace.executor.schedule;

import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An operator, and what a device does in the same go.
 *
 * @param op the operator
 * @param copied the copy that its input would be, and that is never made
 * @param sum what its result is added to as it is made, so that the result is never there alone
 */
public record Stage(Op op, Optional<Op.Copy> copied, Optional<Op.Add> sum) {
    /** What is read from memory. */
    public List<Value> reads() {
        List<Value> reads = new ArrayList<>();
        for (Value value : op.reads()) {
            reads.add(
                    copied.filter(copy -> copy.out().equals(value)).map(Op.Copy::in).orElse(value));
        }
        sum.ifPresent(add -> reads.add(add.in()));
        return reads;
    }

    /** What is there afterwards; nothing where the result goes to whoever asked for the pass. */
    public Optional<Value> makes() {
        return sum.map(Op.Add::out).or(op::makes);
    }

    /** The value whose memory the result has to take. */
    public Optional<Value> replaces() {
        return sum.map(Op.Add::in).or(op::replaces);
    }

    /** A value whose memory the result may take, if this is its last reader. */
    public Optional<Value> mayReplace() {
        boolean rowByRow = op instanceof Op.Norm && copied.isEmpty() && sum.isEmpty();
        return rowByRow ? Optional.of(reads().getFirst()) : Optional.empty();
    }

    /** Which rows it works on. */
    public Value.Rows rows() {
        return makes().orElseGet(() -> op.reads().getFirst()).rows();
    }
}
