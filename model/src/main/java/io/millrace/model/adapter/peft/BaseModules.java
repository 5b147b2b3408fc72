package io.millrace.model.adapter.peft;

import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.LoraPart;
import io.millrace.model.adapter.LoraTarget;
import io.millrace.model.adapter.LoraTargets;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The modules of an open base that hold a matrix, by the paths that PEFT knows them by. */
final class BaseModules {
    private static final String WEIGHT = ".weight";
    private static final int NAMED = 3;

    /** What transformers calls every head; earlier versions had the family's own name. */
    private static final String HEAD = "lm_head";

    private final Checkpoint base;
    private final LoraTargets targets;
    private final TreeMap<String, LoraTarget> byModule = new TreeMap<>();
    private final Set<String> logits;
    private final Set<String> heads = new LinkedHashSet<>(List.of(HEAD));
    private final boolean tied;

    BaseModules(Checkpoint base) {
        this.base = base;
        targets = LoraTargets.of(base);
        targets.all().forEach(target -> byModule.put(target.module(), target));
        ModelProgram program = base.program();
        logits =
                program.ops()
                        .filter(Op.Score.class::isInstance)
                        .map(op -> ((Op.Score) op).logits().weight())
                        .collect(Collectors.toSet());
        tied = program.isTied();
        base.architecture().headNames().forEach(name -> heads.add(module(name)));
    }

    private static String module(String tensor) {
        return tensor.endsWith(WEIGHT)
                ? tensor.substring(0, tensor.length() - WEIGHT.length())
                : tensor;
    }

    Collection<LoraTarget> all() {
        return byModule.values();
    }

    /** The paths by which a module may be known: its own, and what a head is called too. */
    List<String> paths(LoraTarget target) {
        return logits.contains(target.tensor()) && !tied
                ? List.copyOf(heads)
                : List.of(target.module());
    }

    Optional<LoraTarget> find(String path) {
        LoraTarget target = byModule.get(path);
        return target == null && heads.contains(path)
                ? byModule.values().stream()
                        .filter(one -> logits.contains(one.tensor()))
                        .findFirst()
                : Optional.ofNullable(target);
    }

    /** The stored matrix of a module; a tied head's is the embedding. */
    Optional<TensorInfo> weight(String module) {
        Optional<String> tensor =
                tied && heads.contains(module)
                        ? base.program().tied()
                        : find(module).map(LoraTarget::tensor);
        return tensor.map(base.tensors()::get);
    }

    /** Whether a module multiplies by a matrix, and is not the one that makes logits. */
    boolean isInnerLinear(LoraTarget target) {
        return target.kind() != LoraTarget.Kind.TABLE && !logits.contains(target.tensor());
    }

    /** Why a change of a module's matrix is not what PEFT's adapter of that module does. */
    Optional<String> obstacle(String module) {
        return tied && heads.contains(module)
                ? Optional.of(
                        "is head and embedding in one, and PEFT puts an adapter beside the head"
                                + " alone")
                : find(module).flatMap(target -> targets.obstacle(target.tensor()));
    }

    /** The LoRA of a rank that fits beside a module. */
    LoraPart part(LoraTarget target, int rank) {
        List<Long> shape = base.tensors().get(target.tensor()).shape();
        return new LoraPart(target, shape.getFirst(), shape.getLast(), rank);
    }

    /** A few modules that there are: of the same kind as a missing one, if possible. */
    String like(String missing) {
        String end = missing.substring(missing.lastIndexOf('.') + 1);
        List<String> same =
                byModule.keySet().stream()
                        .filter(module -> module.endsWith("." + end))
                        .limit(NAMED)
                        .toList();
        return String.join(
                ", ", same.isEmpty() ? byModule.keySet().stream().limit(NAMED).toList() : same);
    }

    @Override
    public String toString() {
        return base.directory().toString();
    }
}
