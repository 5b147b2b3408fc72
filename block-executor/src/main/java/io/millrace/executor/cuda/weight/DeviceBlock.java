package io.millrace.executor.cuda.weight;

import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.schedule.Stage;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How a card runs a block. The residual stream is float32; what products read and most of what they
 * write has the products' type.
 *
 * @param schedule its launches
 * @param wide values that are float32 whatever the products' type is
 * @param deferred products whose bias the reader of their results adds
 */
public record DeviceBlock(Schedule schedule, Set<Value> wide, Map<Value, LinearSpec> deferred) {
    private static final DeviceFusing FUSING = new DeviceFusing();

    /**
     * The way of a block.
     *
     * @param type what products read
     * @throws BadInputException where there is no kernel for it
     */
    static DeviceBlock of(BlockProgram block, DType type) {
        BlockProgram lowered = type == DType.F32 ? block : withCopies(block);
        Schedule schedule = Schedule.of(lowered, FUSING);
        Set<Value> wide = wide(schedule);
        for (Stage stage : schedule.stages()) {
            // Sums are made in passing, and products read their own type.
            boolean alone = stage.op() instanceof Op.Add;
            boolean multiplies = stage.op() instanceof Op.Linear || stage.op() instanceof Op.Score;
            if (alone || (multiplies && stage.reads().stream().anyMatch(wide::contains))) {
                throw new BadInputException(
                        "--device",
                        "no kernel of a cuda device makes '"
                                + stage.makes().map(Value::name).orElse("logits")
                                + "' of the "
                                + block.name(),
                        "take --device cpu");
            }
        }
        return new DeviceBlock(schedule, wide, deferred(lowered, schedule));
    }

    /** What a value is stored as. */
    DType type(Value value, DType products) {
        boolean stream = value.memory() == Value.Memory.STREAM;
        return stream || wide.contains(value) ? DType.F32 : products;
    }

    /** The same block where products find the stream in their own type. */
    private static BlockProgram withCopies(BlockProgram block) {
        Map<Value, Value> copies = new HashMap<>();
        List<Op> ops = new ArrayList<>();
        for (Op op : block.ops()) {
            if (op instanceof Op.Linear linear && linear.in().memory() == Value.Memory.STREAM) {
                Value in = linear.in();
                Value copy = copies.get(in);
                if (copy == null) {
                    copy = Value.states(in.name() + " as an input", in.width());
                    copies.put(in, copy);
                    ops.add(new Op.Copy(in, copy));
                }
                ops.add(new Op.Linear(linear.matrices(), copy, linear.out()));
            } else {
                ops.add(op);
            }
        }
        return new BlockProgram(block.name(), block.in(), ops);
    }

    /** What a norm adds to the stream is not rounded before; nor what becomes that in place. */
    private static Set<Value> wide(Schedule schedule) {
        Map<Value, Integer> readers = readers(schedule);
        Set<Value> wide = new HashSet<>();
        for (Stage stage : schedule.stages().reversed()) {
            if (stage.op() instanceof Op.Norm norm
                    && stage.sum().isPresent()
                    && stage.copied().isEmpty()
                    && norm.in().memory() == Value.Memory.STATES
                    && readers.get(norm.in()) == 1) {
                wide.add(norm.in());
            }
            if (stage.makes().filter(wide::contains).isPresent()) {
                stage.replaces().ifPresent(wide::add);
                if (stage.op() instanceof Op.Gate gate) {
                    wide.add(gate.up()); // lies like the gate
                }
            }
        }
        return wide;
    }

    private static Map<Value, Integer> readers(Schedule schedule) {
        Map<Value, Integer> readers = new HashMap<>();
        for (Stage stage : schedule.stages()) {
            stage.reads().forEach(value -> readers.merge(value, 1, Integer::sum));
        }
        return readers;
    }

    /** The kernel of an activation or a gate adds the biases of what it reads. */
    private static Map<Value, LinearSpec> deferred(BlockProgram block, Schedule schedule) {
        Map<Value, Integer> readers = block.readers();
        Set<Value> activated = new HashSet<>();
        for (Op op : block.ops()) {
            switch (op) {
                case Op.Activate _, Op.Gate _ -> activated.addAll(op.reads());
                case Op.Lookup _,
                        Op.Copy _,
                        Op.Norm _,
                        Op.NormHeads _,
                        Op.Linear _,
                        Op.Rotate _,
                        Op.Attend _,
                        Op.GateHalves _,
                        MixtureOp _,
                        LatentOp _,
                        Op.Times _,
                        Op.Add _,
                        Op.Beside _,
                        Op.Score _ -> {
                    // Their kernels know of no bias.
                }
            }
        }
        Map<Value, LinearSpec> deferred = new HashMap<>();
        for (Stage stage : schedule.stages()) {
            if (stage.op() instanceof Op.Linear linear
                    && stage.sum().isEmpty()
                    && linear.matrices().size() == 1
                    && activated.contains(linear.out())
                    && readers.get(linear.out()) == 1) {
                deferred.put(linear.out(), linear.matrices().getFirst());
            }
        }
        return deferred;
    }
}
