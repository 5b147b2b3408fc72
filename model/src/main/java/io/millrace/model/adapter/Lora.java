package io.millrace.model.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.SideSpec;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A LoRA as a function of programs: the model with thin factors beside the matrices of its targets.
 * The factors are called as PEFT's files call them.
 */
public final class Lora implements Adapter {
    private static final String OPTIONS = "--lora";

    private final LoraSettings settings;
    private final Optional<SideSpec.Windows> windows;
    private final String options; // what theirs begin with
    private final LoraTargets targets;
    private final ModelProgram program;
    private final Map<String, LoraPart> parts = new LinkedHashMap<>(); // by the matrix's name

    private Lora(
            ModelProgram base,
            LoraTargets targets,
            LoraSettings settings,
            Optional<SideSpec.Windows> windows) {
        this.settings = settings;
        this.windows = windows;
        options = windows.isPresent() ? WindowSettings.OPTIONS : OPTIONS;
        this.targets = targets;
        base.ops().filter(Op.Linear.class::isInstance).flatMap(Op::products).forEach(this::choose);
        requireMatches(base);
        Map<String, SideSpec> sides = new HashMap<>();
        parts.forEach((weight, part) -> sides.put(weight, side(part)));
        program = beside(base, sides);
    }

    /**
     * The LoRA of a model.
     *
     * @param stored what the model computes, with the names of its checkpoint
     * @param published the same with those of the family's own library
     * @param settings of the LoRA
     * @throws BadInputException where targets name no matrix that can have one, or the rank exceeds
     *     a side of one
     */
    public static Lora of(ModelProgram stored, ModelProgram published, LoraSettings settings) {
        return new Lora(stored, LoraTargets.of(stored, published), settings, Optional.empty());
    }

    /**
     * One whose first factors are those of windows.
     *
     * @throws BadInputException as for a LoRA, where the rank of a window exceeds a side
     */
    static Lora windows(ModelProgram stored, ModelProgram published, WindowSettings settings) {
        return new Lora(
                stored,
                LoraTargets.of(stored, published),
                settings.lora(),
                Optional.of(settings.windows()));
    }

    /** The windows that it is of; empty where both factors are trained. */
    public Optional<SideSpec.Windows> windows() {
        return windows;
    }

    /** Columns of each second factor. */
    public int rank() {
        return settings.rank();
    }

    private void choose(LinearSpec linear) {
        if (targets.obstacle(linear.weight()).isPresent()) {
            return;
        }
        LoraTarget target = targets.target(linear.weight());
        if (!settings.isTarget(target.module())) {
            return;
        }
        int shorter = Math.min(linear.inputs(), linear.outputs());
        int rank = windows.map(SideSpec.Windows::rank).orElse(settings.rank());
        if (rank > shorter) {
            throw new BadInputException(
                    options + "-rank",
                    rank + " exceeds a side of " + target.module(),
                    "give at most " + shorter + ", or other " + options + "-targets");
        }
        boolean transposed = linear.inputMajor();
        parts.put(
                linear.weight(),
                new LoraPart(
                        target,
                        transposed ? linear.inputs() : linear.outputs(),
                        transposed ? linear.outputs() : linear.inputs(),
                        settings.rank()));
    }

    private void requireMatches(ModelProgram base) {
        for (String name : settings.targets()) {
            boolean found =
                    parts.values().stream()
                            .anyMatch(part -> LoraSettings.names(name, part.target().module()));
            if (!found) {
                throw new BadInputException(
                        options + "-targets",
                        "'" + name + "' " + whyNot(name),
                        "give "
                                + LoraSettings.ALL_LINEAR
                                + ", or some of "
                                + String.join(",", suffixes(base)));
            }
        }
    }

    private String whyNot(String name) {
        return targets.modules().stream().anyMatch(module -> LoraSettings.names(name, module))
                ? "is no product within a layer: no LoRA is trained beside tables, norms and the"
                        + " output head"
                : "matches no module";
    }

    private Set<String> suffixes(ModelProgram base) {
        Set<String> suffixes = new LinkedHashSet<>();
        base.ops()
                .filter(Op.Linear.class::isInstance)
                .flatMap(Op::products)
                .map(LinearSpec::weight)
                .filter(weight -> targets.obstacle(weight).isEmpty())
                .forEach(weight -> suffixes.add(targets.target(weight).suffix()));
        return suffixes;
    }

    private SideSpec side(LoraPart part) {
        return new SideSpec(part.first(), part.second(), part.rank(), settings.scale(), windows);
    }

    /**
     * A model with thin factors beside some of its matrices.
     *
     * @param base the model
     * @param sides the factors, by the name of the matrix that they are beside
     */
    public static ModelProgram beside(ModelProgram base, Map<String, SideSpec> sides) {
        return base.changed(block -> beside(block, sides));
    }

    private static BlockProgram beside(BlockProgram block, Map<String, SideSpec> sides) {
        return new BlockProgram(
                block.name(),
                block.in(),
                block.ops().stream().map(op -> beside(op, sides)).toList());
    }

    private static Op beside(Op op, Map<String, SideSpec> sides) {
        return op instanceof Op.Linear linear
                ? new Op.Linear(
                        linear.matrices().stream().map(one -> beside(one, sides)).toList(),
                        linear.in(),
                        linear.out())
                : op;
    }

    private static LinearSpec beside(LinearSpec linear, Map<String, SideSpec> sides) {
        SideSpec side = sides.get(linear.weight());
        return side == null ? linear : linear.withSide(side);
    }

    @Override
    public ModelProgram program() {
        return program;
    }

    @Override
    public byte[] config(String base) {
        return LoraConfig.of(base, List.copyOf(parts.values()), targets)
                .scaled(settings.alpha(), settings.rslora())
                .toJson();
    }
}
