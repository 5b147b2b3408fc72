package io.millrace.model.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import io.millrace.telemetry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** IA³ as a function of programs: trained scales on what some products read or make. */
public final class Ia3 implements Adapter {
    private static final String OPTION = "--ia3-targets";

    private final LoraTargets targets;
    private final Map<String, Ia3Part> parts = new LinkedHashMap<>(); // by the matrix's name
    private final ModelProgram program;

    Ia3(ModelProgram base, LoraTargets targets, Ia3Settings settings) {
        this.targets = targets;
        base.ops()
                .filter(Op.Linear.class::isInstance)
                .flatMap(Op::products)
                .filter(linear -> targets.obstacle(linear.weight()).isEmpty())
                .forEach(linear -> choose(linear, settings));
        requireMatches(base, settings);
        program = beside(base, parts);
    }

    private void choose(LinearSpec linear, Ia3Settings settings) {
        LoraTarget target = targets.target(linear.weight());
        if (settings.isTarget(target.module())) {
            parts.put(
                    linear.weight(), part(target, linear, settings.isFeedForward(target.module())));
        }
    }

    private static Ia3Part part(LoraTarget target, LinearSpec linear, boolean feedForward) {
        return new Ia3Part(target, feedForward ? linear.inputs() : linear.outputs(), feedForward);
    }

    private void requireMatches(ModelProgram base, Ia3Settings settings) {
        List<String> asked = settings.isAuto() ? List.of(Ia3Settings.AUTO) : settings.targets();
        for (String name : asked) {
            boolean found =
                    settings.isAuto()
                            ? !parts.isEmpty()
                            : parts.values().stream()
                                    .anyMatch(part ->
                                            LoraSettings.names(name, part.target().module()));
            if (!found) {
                throw new BadInputException(
                        OPTION,
                        "'" + name + "' matches no product within a layer",
                        "give some of "
                                + String.join(
                                        ",",
                                        base.ops()
                                                .filter(Op.Linear.class::isInstance)
                                                .flatMap(Op::products)
                                                .map(LinearSpec::weight)
                                                .filter(one -> targets.obstacle(one).isEmpty())
                                                .map(one -> targets.target(one).suffix())
                                                .distinct()
                                                .toList()));
            }
        }
    }

    /**
     * A model with scales beside some of its products.
     *
     * @param base the model
     * @param parts the scales, by the matrix of their product
     * @throws BadInputException where inputs are scaled that other products read unscaled
     */
    public static ModelProgram beside(ModelProgram base, Map<String, Ia3Part> parts) {
        return base.changed(block -> beside(block, parts));
    }

    private static BlockProgram beside(BlockProgram block, Map<String, Ia3Part> parts) {
        Map<Value, Integer> readers = block.readers();
        List<Op> ops = new ArrayList<>();
        for (Op op : block.ops()) {
            if (op instanceof Op.Linear linear
                    && linear.products().anyMatch(one -> parts.containsKey(one.weight()))) {
                Value in = scaleInputs(linear, parts, readers, ops);
                scaleOutputs(linear, in, parts, ops);
            } else {
                ops.add(op);
            }
        }
        return new BlockProgram(block.name(), block.in(), ops);
    }

    private static Value scaleInputs(
            Op.Linear linear,
            Map<String, Ia3Part> parts,
            Map<Value, Integer> readers,
            List<Op> ops) {
        Value in = linear.in();
        for (LinearSpec matrix : linear.matrices()) {
            Ia3Part part = parts.get(matrix.weight());
            if (part == null || !part.feedForward()) {
                continue;
            }
            if (linear.matrices().size() > 1
                    || readers.get(linear.in()) > 1
                    || in.memory() != Value.Memory.STATES) {
                throw new BadInputException(
                        part.target().module(),
                        "reads what others read too, and IA³ would scale that for it alone",
                        "scale its outputs: leave it out of the feed-forward modules");
            }
            Value scaled = renamed(in, " scaled");
            ops.add(new Op.Scale(part.tensor(), 0, in, scaled));
            in = scaled;
        }
        return in;
    }

    private static void scaleOutputs(
            Op.Linear linear, Value in, Map<String, Ia3Part> parts, List<Op> ops) {
        List<Op.Scale> scales = new ArrayList<>();
        int end = linear.out().width();
        Value made = linear.out();
        for (LinearSpec matrix : linear.matrices().reversed()) {
            end -= matrix.outputs();
            Ia3Part part = parts.get(matrix.weight());
            if (part != null && !part.feedForward()) {
                Value before = renamed(linear.out(), " before scales from " + end);
                scales.addFirst(new Op.Scale(part.tensor(), end, before, made));
                made = before;
            }
        }
        ops.add(new Op.Linear(linear.matrices(), in, made));
        ops.addAll(scales);
    }

    private static Value renamed(Value value, String end) {
        return new Value(value.name() + end, value.width(), value.rows(), value.memory());
    }

    @Override
    public ModelProgram program() {
        return program;
    }

    @Override
    public byte[] config(String base) {
        List<String> feedForward = names(true);
        List<String> all = new ArrayList<>(names(false));
        all.addAll(feedForward);
        Map<String, Object> fields = AdapterFields.of("IA3", base, targets.task());
        fields.put("target_modules", all);
        fields.put("feedforward_modules", feedForward);
        fields.put(
                "fan_in_fan_out",
                parts.values().stream()
                        .anyMatch(part -> part.target().kind() == LoraTarget.Kind.INPUT_MAJOR));
        fields.put("modules_to_save", null);
        fields.put("init_ia3_weights", true);
        return (Json.writePretty(fields) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** Each of the two kinds by names that fit no module of the other. */
    private List<String> names(boolean feedForward) {
        return targets.namesOf(
                parts.values().stream()
                        .filter(part -> part.feedForward() == feedForward)
                        .map(Ia3Part::target)
                        .toList());
    }
}
