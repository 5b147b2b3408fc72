package io.millrace.model.adapter;

import io.millrace.model.Checkpoint;
import io.millrace.model.program.Answers;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which matrices of a model a LoRA of PEFT may stand beside. Paths of modules are those of the
 * family's own library, whatever prefix the checkpoint's names have.
 */
public final class LoraTargets {
    private static final String WEIGHT = ".weight";

    /** What transformers calls the module of every head, whatever the family's files call it. */
    private static final String HEAD = "lm_head";

    private final Map<String, LoraTarget> targets = new HashMap<>();
    private final Map<String, String> obstacles = new HashMap<>();
    private final Set<String> modules = new HashSet<>();

    /** A tensor where an operator has it; vectors are of no kind. */
    private record Use(String tensor, Optional<LoraTarget.Kind> kind, boolean shifted) {}

    private final Optional<String> task;

    private LoraTargets(Optional<String> task) {
        this.task = task;
    }

    /** What PEFT calls the task of the model, if anything. */
    public Optional<String> task() {
        return task;
    }

    /** The targets of an open checkpoint. */
    public static LoraTargets of(Checkpoint checkpoint) {
        return of(
                checkpoint.program(),
                checkpoint.architecture().program(checkpoint.config(), Set.of()));
    }

    /**
     * The targets of a model.
     *
     * @param program with the names of its checkpoint
     * @param library with those of the family's own library
     */
    public static LoraTargets of(ModelProgram program, ModelProgram library) {
        List<Use> stored = uses(program);
        List<Use> published = uses(library);
        if (stored.size() != published.size()) {
            throw new IllegalStateException(program.modelType() + " depends on its tensors' names");
        }
        LoraTargets all = new LoraTargets(AdapterFields.task(program));
        Optional<String> head = ownHead(library);
        for (int i = 0; i < stored.size(); i++) {
            String name = published.get(i).tensor();
            all.add(stored.get(i), head.filter(name::equals).map(_ -> HEAD + WEIGHT).orElse(name));
        }
        program.tied()
                .ifPresent(table ->
                        all.obstacles.put(
                                table,
                                "is embedding and head in one, and PEFT puts an adapter beside the"
                                        + " embedding alone"));
        return all;
    }

    /** The matrix that makes a decoder's logits, where that is no embedding as well. */
    private static Optional<String> ownHead(ModelProgram program) {
        return program.ops()
                .filter(op -> op instanceof Op.Score && program.tied().isEmpty())
                .filter(_ -> program.answers() == Answers.NEXT)
                .map(op -> ((Op.Score) op).logits().weight())
                .findFirst();
    }

    private static List<Use> uses(ModelProgram program) {
        return program.ops().flatMap(LoraTargets::uses).toList();
    }

    private static Stream<Use> uses(Op op) {
        return switch (op) {
            case Op.Lookup lookup ->
                    Stream.of(
                            new Use(
                                    lookup.table().name(),
                                    Optional.of(LoraTarget.Kind.TABLE),
                                    lookup.offset() != 0));
            case Op.Norm norm -> Stream.of(vector(norm.norm()));
            case Op.NormHeads norm -> Stream.of(vector(norm.norm()));
            case Op.Linear linear -> linear.matrices().stream().map(LoraTargets::matrix);
            case Op.Score score -> Stream.of(matrix(score.logits()));
            case Op.Copy _,
                    Op.Rotate _,
                    Op.Attend _,
                    Op.Activate _,
                    Op.Gate _,
                    Op.GateHalves _,
                    MixtureOp.GateRows _,
                    MixtureOp.Route
                            _, // the library has these as parameters of no module that PEFT knows
                    MixtureOp.Experts _,
                    LatentOp _,
                    Op.Times _,
                    Op.Add _,
                    Op.Beside _ ->
                    Stream.empty();
        };
    }

    private static Use vector(NormSpec norm) {
        return new Use(norm.weight(), Optional.empty(), false);
    }

    private static Use matrix(LinearSpec linear) {
        LoraTarget.Kind kind =
                linear.inputMajor() ? LoraTarget.Kind.INPUT_MAJOR : LoraTarget.Kind.LINEAR;
        return new Use(linear.weight(), Optional.of(kind), false);
    }

    private void add(Use use, String published) {
        if (!published.endsWith(WEIGHT)) {
            obstacles.put(use.tensor, "is no weight of a module of its own");
            return;
        }
        String module = published.substring(0, published.length() - WEIGHT.length());
        modules.add(module);
        use.kind.ifPresent(kind -> {
            targets.put(use.tensor, new LoraTarget(use.tensor, module, kind));
            if (use.shifted) {
                obstacles.put(
                        use.tensor,
                        "is looked up at an offset, which PEFT's adapter of an embedding leaves"
                                + " out");
            }
        });
    }

    /** Every matrix that a module holds, those with an obstacle too, in no order. */
    public Collection<LoraTarget> all() {
        return List.copyOf(targets.values());
    }

    /**
     * Why no adapter of PEFT does to a matrix what a change of it does, such as {@code is embedding
     * and head in one}; empty where one does.
     */
    public Optional<String> obstacle(String tensor) {
        return Optional.ofNullable(obstacles.get(tensor));
    }

    /** The target that is a matrix without an obstacle. */
    public LoraTarget target(String tensor) {
        LoraTarget target = targets.get(tensor);
        if (target == null || obstacles.containsKey(tensor)) {
            throw new IllegalArgumentException(tensor + " is no target");
        }
        return target;
    }

    /** Paths of all modules that hold a weight. */
    Set<String> modules() {
        return modules;
    }

    /**
     * What PEFT finds these targets by, and no other module: the last part of their paths where all
     * modules with that are among them, else whole paths.
     */
    public List<String> namesOf(Collection<LoraTarget> chosen) {
        Set<String> paths = chosen.stream().map(LoraTarget::module).collect(Collectors.toSet());
        Set<String> names = new LinkedHashSet<>();
        for (LoraTarget target : chosen) {
            String suffix = target.suffix();
            boolean all =
                    modules.stream()
                            .filter(module ->
                                    module.equals(suffix) || module.endsWith("." + suffix))
                            .allMatch(paths::contains);
            names.add(all ? suffix : target.module());
        }
        return List.copyOf(names);
    }
}
