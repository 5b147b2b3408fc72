package io.millrace.model.adapter.cores;

import io.millrace.memory.BadInputException;
import io.millrace.model.adapter.Adapter;
import io.millrace.model.adapter.AdapterFields;
import io.millrace.model.adapter.LoraTarget;
import io.millrace.model.adapter.LoraTargets;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.TensorTrain;
import io.millrace.telemetry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Bottlenecks of tensor trains as a function of programs, placed as AdaZeta's published code does:
 * before a product whose result is activated, behind any other. Each is {@code x + up(relu(down
 * x))}, its two matrices trains of six cores.
 */
public final class TensorTrains implements Adapter {
    /** The {@code peft_type}, which no version of PEFT knows: the format is of its own. */
    public static final String TYPE = "MILLRACE_TENSOR_TRAIN";

    /** The field that says the middle's width. */
    public static final String WIDTH = "bottleneck_size";

    /** The field that says the rank. */
    public static final String RANK = "tensor_rank";

    /** The field that says the activation. */
    public static final String ACTIVATION = "non_linearity";

    /** The one activation. */
    public static final String RELU = "relu";

    /** A field for whoever opens the file. */
    public static final String NOTE = "note";

    private static final String SAID =
            "A format of Millrace's own, which PEFT does not load: each module has x + up(relu(down"
                    + " x)) before it or behind it, both matrices as tensor trains.";

    private static final String PLACES = "before products that are activated, and behind others";

    private final TensorTrainSettings settings;
    private final LoraTargets targets;
    private final List<LoraTarget> chosen = new ArrayList<>();
    private final Set<String> possible = new LinkedHashSet<>(); // last parts of paths
    private final ModelProgram program;

    TensorTrains(ModelProgram stored, ModelProgram published, TensorTrainSettings settings) {
        this.settings = settings;
        targets = LoraTargets.of(stored, published);
        program = stored.changed(this::beside);
        requireMatches();
    }

    private BlockProgram beside(BlockProgram block) {
        Set<Value> activated = activated(block);
        Set<Value> inner = new HashSet<>();
        List<Op> ops = new ArrayList<>();
        for (Op op : block.ops()) {
            if (op instanceof Op.Linear linear && hasPlace(linear, activated)) {
                LinearSpec matrix = linear.matrices().getFirst();
                LoraTarget target = targets.target(matrix.weight());
                possible.add(target.suffix());
                boolean before = activated.contains(linear.out());
                if (isChosen(target, before || inner.contains(linear.in()))) {
                    chosen.add(target);
                    add(matrix, linear, before, ops);
                    continue;
                }
            }
            follow(op, inner);
            ops.add(op);
        }
        return new BlockProgram(block.name(), block.in(), ops);
    }

    /** What activations read, and so the results of a feed-forward part's first products. */
    private static Set<Value> activated(BlockProgram block) {
        Set<Value> activated = new HashSet<>();
        for (Op op : block.ops()) {
            if (op instanceof Op.Activate || op instanceof Op.Gate || op instanceof Op.GateHalves) {
                activated.addAll(op.reads());
            }
        }
        return activated;
    }

    /** Collects what activations made, scaled or not: what second products read. */
    private static void follow(Op op, Set<Value> inner) {
        switch (op) {
            case Op.Activate activate -> inner.add(activate.out());
            case Op.Gate gate -> inner.add(gate.out());
            case Op.GateHalves halves -> inner.add(halves.out());
            case Op.Times times when inner.contains(times.in()) -> inner.add(times.out());
            default -> {
                // Not a feed-forward part's.
            }
        }
    }

    /** Whether a bottleneck fits before or behind: not where attention reads the result. */
    private boolean hasPlace(Op.Linear linear, Set<Value> activated) {
        boolean one = linear.matrices().size() == 1;
        boolean before = activated.contains(linear.out());
        Value changed = before ? linear.in() : linear.out();
        boolean dense = changed.memory() == Value.Memory.STATES || before;
        return one
                && dense
                && changed.memory() != Value.Memory.KEPT
                && targets.obstacle(linear.matrices().getFirst().weight()).isEmpty();
    }

    private boolean isChosen(LoraTarget target, boolean feedForward) {
        return settings.isAuto()
                ? feedForward
                : settings.targets().stream().anyMatch(name -> isNamed(name, target));
    }

    private static boolean isNamed(String name, LoraTarget target) {
        return target.module().equals(name) || target.module().endsWith("." + name);
    }

    private void add(LinearSpec matrix, Op.Linear linear, boolean before, List<Op> ops) {
        String module = chosen.getLast().module();
        if (before) {
            Value through = beside(linear.in(), module, Value.Memory.STATES);
            ops.add(bottleneck(module, linear.in(), through));
            ops.add(new Op.Linear(matrix, through, linear.out()));
        } else {
            Value made = beside(linear.out(), module, linear.out().memory());
            ops.add(new Op.Linear(matrix, linear.in(), made));
            ops.add(bottleneck(module, made, linear.out()));
        }
    }

    private static Value beside(Value value, String module, Value.Memory memory) {
        return new Value(value.name() + " at " + module, value.width(), value.rows(), memory);
    }

    private Bottleneck bottleneck(String module, Value in, Value out) {
        List<Integer> wide = Factors.three(in.width());
        List<Integer> narrow = Factors.three(settings.width());
        return new Bottleneck(
                new TensorTrain(module + ".tt_down", wide, narrow, settings.rank()),
                new TensorTrain(module + ".tt_up", narrow, wide, settings.rank()),
                in,
                out);
    }

    private void requireMatches() {
        for (String name : settings.targets()) {
            boolean found =
                    settings.isAuto()
                            ? !chosen.isEmpty()
                            : chosen.stream().anyMatch(target -> isNamed(name, target));
            if (!found) {
                throw new BadInputException(
                        settings.option(),
                        "'"
                                + name
                                + "' matches no module that a bottleneck fits: they stand "
                                + PLACES
                                + " but those that attention reads",
                        "give some of " + String.join(",", possible));
            }
        }
    }

    @Override
    public ModelProgram program() {
        return program;
    }

    @Override
    public byte[] config(String base) {
        Map<String, Object> fields = AdapterFields.of(TYPE, base, targets.task());
        fields.put(NOTE, SAID);
        fields.put("target_modules", targets.namesOf(chosen));
        fields.put(WIDTH, settings.width());
        fields.put(RANK, settings.rank());
        fields.put(ACTIVATION, RELU);
        return (Json.writePretty(fields) + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
