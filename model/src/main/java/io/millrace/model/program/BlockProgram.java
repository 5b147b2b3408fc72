package io.millrace.model.program;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What a block computes: operators in the order in which they run. Every value is made once; one
 * that an operator changes into its result, or that the next value of the stream takes the place
 * of, has no later reader.
 *
 * @param name for messages
 * @param in the residual stream as the block finds it; empty in the block that begins it
 * @param ops the operators
 */
public record BlockProgram(String name, Optional<Value> in, List<Op> ops) {
    /** Freezes the operators, and checks that each finds what it reads. */
    public BlockProgram {
        ops = List.copyOf(ops);
        check(name, in, ops);
    }

    /** How often each value is read. */
    public Map<Value, Integer> readers() {
        Map<Value, Integer> readers = new HashMap<>();
        for (Op op : ops) {
            op.reads().forEach(value -> readers.merge(value, 1, Integer::sum));
        }
        return readers;
    }

    /** The residual stream as the block leaves it; empty where nothing is left. */
    public Optional<Value> out() {
        return Stream.concat(in.stream(), ops.stream().flatMap(op -> op.makes().stream()))
                .filter(BlockProgram::isStream)
                .reduce((earlier, later) -> later);
    }

    /** Its experts, which come one by one after every token has passed the other operators. */
    public Optional<MixtureOp.Experts> experts() {
        return ops.isEmpty() || !(ops.getLast() instanceof MixtureOp.Experts experts)
                ? Optional.empty()
                : Optional.of(experts);
    }

    /** What they need of every token, one beside another. */
    public List<Value> held() {
        return ops.stream()
                .flatMap(op -> op.makes().stream())
                .filter(made -> made.memory() == Value.Memory.HELD)
                .toList();
    }

    static boolean isCarried(Value value) {
        return value.memory() == Value.Memory.CARRIED;
    }

    private static boolean isStream(Value value) {
        return value.memory() == Value.Memory.STREAM;
    }

    private static void check(String name, Optional<Value> in, List<Op> ops) {
        Set<String> names = new HashSet<>();
        Set<Value> readable = new HashSet<>();
        in.ifPresent(value -> {
            if (!isStream(value)) {
                throw new IllegalArgumentException(name + " begins with " + value);
            }
            names.add(value.name());
            readable.add(value);
        });
        for (Op op : ops) {
            for (Value value : op.reads()) {
                // What the embedding has made, whoever goes through it sees to.
                boolean carried = in.isPresent() && isCarried(value);
                if (!carried && !readable.contains(value)) {
                    throw new IllegalArgumentException(
                            name + ": nothing has made " + value + ", or it was changed");
                }
            }
            op.replaces().ifPresent(readable::remove);
            op.makes()
                    .ifPresent(made -> {
                        if (!names.add(made.name())) {
                            throw new IllegalArgumentException(name + ": two make " + made.name());
                        }
                        if (isStream(made) || made.memory() == Value.Memory.KEPT) {
                            // One place for all of a kind: the last one is gone.
                            readable.removeIf(value -> value.memory() == made.memory());
                        }
                        readable.add(made);
                    });
        }
        int experts = ops.stream().map(MixtureOp.Experts.class::isInstance).toList().indexOf(true);
        if (experts >= 0 && experts < ops.size() - 1) {
            throw new IllegalArgumentException(name + " goes on after its experts");
        }
        long kept = ops.stream().filter(BlockProgram::begins).count();
        if (kept > 1) {
            throw new IllegalArgumentException(name + " keeps " + kept + " values a token");
        }
    }

    private static boolean begins(Op op) {
        return op.replaces().isEmpty()
                && op.makes().stream().anyMatch(made -> made.memory() == Value.Memory.KEPT);
    }
}
