package io.millrace.executor.schedule;

import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.prefetch.VisitPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A block's operators in the order in which a device runs them, some of them in one go.
 *
 * @param name the block's, for messages
 * @param stages what runs, one after another
 */
public record Schedule(String name, List<Stage> stages) {
    /** Freezes the stages. */
    public Schedule {
        stages = List.copyOf(stages);
    }

    /** The experts of the block, who come one by one after all else. */
    public Optional<MixtureOp.Experts> experts() {
        return stages.getLast().op() instanceof MixtureOp.Experts experts
                ? Optional.of(experts)
                : Optional.empty();
    }

    /** What a device can do in one go. */
    public interface Fusing {
        /** Whether an operator can add its result to what is there. */
        boolean adds(Op op);

        /** Whether an operator can read its rows from where they are to be copied from. */
        boolean copies(Op op);
    }

    /**
     * The place in a program of the block that a visit computes.
     *
     * @param entry the visit
     * @param blocks how many the program has
     */
    public static int place(VisitPlan.Entry entry, int blocks) {
        return switch (entry.part()) {
            case LOOKUP, EMBEDDING, FOLD -> 0;
            case LAYER, EXPERT -> 1 + entry.layer();
            case HEAD, SCORE -> blocks - 1;
        };
    }

    /** What of the block a visit runs: with a panel of its table, what needs the table alone. */
    public Schedule of(VisitPlan.Part part) {
        return switch (part) {
            case LOOKUP -> new Schedule(name, List.of(stages.getFirst()));
            case SCORE -> new Schedule(name, List.of(stages.getLast()));
            case FOLD -> new Schedule(name, List.of());
            case EMBEDDING, LAYER, EXPERT, HEAD -> this;
        };
    }

    /** The schedule of a block. */
    public static Schedule of(BlockProgram block, Fusing fusing) {
        Map<Value, Integer> readers = block.readers();
        List<Stage> stages = new ArrayList<>();
        List<Op> ops = block.ops();
        for (int at = 0; at < ops.size(); at++) {
            Optional<Op.Copy> copied = copied(ops, at, readers, fusing);
            if (copied.isPresent()) {
                at++;
            }
            Optional<Op.Add> sum = sum(ops, at, readers, fusing);
            stages.add(new Stage(ops.get(at), copied, sum));
            if (sum.isPresent()) {
                at++;
            }
        }
        return new Schedule(block.name(), stages);
    }

    private static Optional<Op.Copy> copied(
            List<Op> ops, int at, Map<Value, Integer> readers, Fusing fusing) {
        if (!(ops.get(at) instanceof Op.Copy copy) || at + 1 == ops.size()) {
            return Optional.empty();
        }
        Op reader = ops.get(at + 1);
        boolean only = reader.reads().contains(copy.out()) && readers.get(copy.out()) == 1;
        return only && fusing.copies(reader) ? Optional.of(copy) : Optional.empty();
    }

    private static Optional<Op.Add> sum(
            List<Op> ops, int at, Map<Value, Integer> readers, Fusing fusing) {
        Op op = ops.get(at);
        if (at + 1 == ops.size()
                || !(ops.get(at + 1) instanceof Op.Add add)
                || !op.makes().equals(Optional.of(add.summand()))) {
            return Optional.empty();
        }
        // What an operator reads may not change while it adds to it.
        boolean apart = readers.get(add.summand()) == 1 && !op.reads().contains(add.in());
        return apart && fusing.adds(op) ? Optional.of(add) : Optional.empty();
    }
}
