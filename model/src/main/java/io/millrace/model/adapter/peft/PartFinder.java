package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.adapter.LoraPart;
import io.millrace.model.adapter.LoraTarget;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Holds the tensors of an {@code adapter_model.safetensors} against the configuration beside them
 * and the base's modules. Whatever PEFT would leave out without a word is refused.
 */
final class PartFinder {
    private static final String PREFIX = "base_model.model.";
    private static final String FIRST = ".lora_A.weight";
    private static final String SECOND = ".lora_B.weight";
    private static final String TABLE_FIRST = ".lora_embedding_A";
    private static final String TABLE_SECOND = ".lora_embedding_B";
    private static final String WEIGHT = ".weight";
    private static final String BASE_LAYER = ".base_layer";

    private static final String PAIR_MEND = "save the adapter again, or use a whole copy of it";

    private final Path file;
    private final AdapterConfig config;
    private final BaseModules base;
    private final Map<String, TensorInfo> firsts = new TreeMap<>();
    private final Map<String, TensorInfo> seconds = new TreeMap<>();
    private final Map<TensorInfo, TensorInfo> copies = new LinkedHashMap<>();

    PartFinder(Path file, AdapterConfig config, BaseModules base) {
        this.file = file;
        this.config = config;
        this.base = base;
    }

    /**
     * The parts, sorted by module.
     *
     * @throws BadInputException when they are not a whole adapter of the base
     */
    List<AdapterPart> find(Collection<TensorInfo> tensors) {
        tensors.forEach(this::sort);
        TreeSet<String> modules = new TreeSet<>(firsts.keySet());
        modules.addAll(seconds.keySet());
        if (modules.isEmpty()) {
            throw bad("has no factors of a LoRA", "give a folder that PEFT saved a LoRA in");
        }
        List<AdapterPart> parts = modules.stream().map(this::part).toList();
        requireAllTargets();
        return parts;
    }

    /** Weights of the base that the file has too, and the base's own. */
    Map<TensorInfo, TensorInfo> copies() {
        return copies;
    }

    private void sort(TensorInfo tensor) {
        String name = tensor.name();
        String path = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : "";
        if (path.endsWith(FIRST)) {
            add(firsts, tensor, path, FIRST, false);
        } else if (path.endsWith(SECOND)) {
            add(seconds, tensor, path, SECOND, false);
        } else if (path.endsWith(TABLE_FIRST)) {
            add(firsts, tensor, path, TABLE_FIRST, true);
        } else if (path.endsWith(TABLE_SECOND)) {
            add(seconds, tensor, path, TABLE_SECOND, true);
        } else {
            copies.put(tensor, copied(tensor, path));
        }
    }

    private void add(
            Map<String, TensorInfo> factors,
            TensorInfo tensor,
            String path,
            String end,
            boolean table) {
        String module = path.substring(0, path.length() - end.length());
        Optional<String> obstacle = base.obstacle(module);
        if (obstacle.isPresent()) {
            throw bad(
                    "has an adapter of '" + module + "', which " + obstacle.get(),
                    "train without that module among target_modules");
        }
        LoraTarget target =
                base.find(module)
                        .orElseThrow(() ->
                                bad(
                                        "has an adapter of '"
                                                + module
                                                + "', a module that the model in "
                                                + base
                                                + " does not have",
                                        "give the base that it was trained on; this one has "
                                                + base.like(module)));
        if (!isTarget(target)) {
            throw bad(
                    "has an adapter of '"
                            + module
                            + "', which is not among the targets of adapter_config.json, and PEFT"
                            + " would leave it out",
                    ConfigReader.MEND);
        }
        if (table != (target.kind() == LoraTarget.Kind.TABLE)) {
            throw bad(
                    "tensor '"
                            + tensor.name()
                            + "' is of "
                            + (table ? "an embedding" : "a linear module")
                            + ", and '"
                            + module
                            + "' is not one",
                    "give the base that it was trained on");
        }
        factors.put(module, tensor);
    }

    /** Beside an adapter of an embedding PEFT may save the embedding and the head as they were. */
    private TensorInfo copied(TensorInfo tensor, String path) {
        if (path.contains(".lora_magnitude_vector")) {
            throw bad(
                    "tensor '" + tensor.name() + "' is of DoRA",
                    "train a plain LoRA, or merge with PEFT's merge_and_unload");
        }
        if (path.endsWith(".lora_B.bias")) {
            throw bad(
                    "tensor '" + tensor.name() + "' is a bias beside B",
                    "train with lora_bias false");
        }
        String module = path.endsWith(WEIGHT) ? without(path, WEIGHT) : path;
        return base.weight(module.endsWith(BASE_LAYER) ? without(module, BASE_LAYER) : module)
                .orElseThrow(() ->
                        bad(
                                "tensor '"
                                        + tensor.name()
                                        + "' is none that PEFT loads into a LoRA",
                                "save the adapter with PEFT's save_pretrained, and train without"
                                        + " modules_to_save"));
    }

    private static String without(String path, String end) {
        return path.substring(0, path.length() - end.length());
    }

    private boolean isTarget(LoraTarget target) {
        return base.paths(target).stream()
                .anyMatch(path -> config.modules().has(path, base.isInnerLinear(target)));
    }

    private AdapterPart part(String module) {
        TensorInfo first = firsts.get(module);
        TensorInfo second = seconds.get(module);
        if (first == null || second == null) {
            throw bad(
                    "has "
                            + (first == null ? "B" : "A")
                            + " of '"
                            + module
                            + "' and no "
                            + (first == null ? "A" : "B"),
                    PAIR_MEND);
        }
        LoraPart part = base.part(base.find(module).orElseThrow(), config.rank(module));
        requireFactor(part, first, part.entries().getFirst(), 0);
        requireFactor(part, second, part.entries().getLast(), 1);
        return new AdapterPart(part, config.scale(module), first, second);
    }

    private void requireFactor(
            LoraPart part, TensorInfo found, SafetensorsWriter.Entry wanted, int rankAxis) {
        List<Long> shape = found.shape();
        if (shape.size() != 2
                || !shape.get(1 - rankAxis).equals(wanted.shape().get(1 - rankAxis))) {
            throw bad(
                    "tensor '"
                            + found.name()
                            + "' has shape "
                            + shape
                            + " where the module in "
                            + base
                            + " asks for "
                            + wanted.shape(),
                    "give the base that the adapter was trained on");
        }
        if (shape.get(rankAxis) != part.rank()) {
            throw bad(
                    "tensor '"
                            + found.name()
                            + "' has rank "
                            + shape.get(rankAxis)
                            + ", and by adapter_config.json the module has "
                            + part.rank(),
                    ConfigReader.MEND);
        }
        if (!(found.format() instanceof DType dtype) || !dtype.isTrainable()) {
            throw bad(
                    "tensor '" + found.name() + "' is of " + found.format().name(),
                    "save the adapter in F32, F16 or BF16");
        }
    }

    private void requireAllTargets() {
        List<String> missing = new ArrayList<>();
        for (LoraTarget target : base.all()) {
            if (isTarget(target)
                    && base.obstacle(target.module()).isEmpty()
                    && base.paths(target).stream().noneMatch(firsts::containsKey)) {
                missing.add(target.module());
            }
        }
        if (!missing.isEmpty()) {
            throw bad(
                    "has no factors of '"
                            + missing.getFirst()
                            + "', which is among the targets of adapter_config.json",
                    PAIR_MEND);
        }
    }

    private BadInputException bad(String what, String mend) {
        return new BadInputException(file.toString(), what, mend);
    }
}
