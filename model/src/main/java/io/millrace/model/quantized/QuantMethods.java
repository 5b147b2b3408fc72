package io.millrace.model.quantized;

import io.millrace.memory.BadInputException;
import io.millrace.memory.PackedFormat;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.SideFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;

/** Every way to quantise that is read; a new one is a new file and a line here. */
public final class QuantMethods {
    private static final String FIELD = "quantization_config";

    private static final List<QuantMethod> ALL =
            withThoseOfOthers(
                    new GptqMethod(),
                    new AwqMethod(),
                    new BitsandbytesMethod(),
                    new Float8Method("fp8", "weight_scale_inv"),
                    new Float8Method("fbgemm_fp8", "weight_scale"),
                    new CompressedTensorsMethod(),
                    new JoinedExpertsMethod());

    /** What older tools wrote in place of the field, beside {@code config.json}. */
    private static final List<String> OLD_FILES =
            List.of("quantize_config.json", "quant_config.json");

    private QuantMethods() {}

    private static List<QuantMethod> withThoseOfOthers(QuantMethod... own) {
        List<QuantMethod> all = new ArrayList<>(List.of(own));
        ServiceLoader.load(QuantMethod.class, QuantMethod.class.getClassLoader()).forEach(all::add);
        if (all.stream().map(QuantMethod::name).distinct().count() != all.size()) {
            throw new IllegalStateException(
                    "two ways to quantise of one name on the class path: "
                            + all.stream().map(QuantMethod::name).sorted().toList());
        }
        return List.copyOf(all);
    }

    /** All of them. */
    public static List<QuantMethod> all() {
        return ALL;
    }

    /**
     * The files with packed matrices in the place of their parts, as the configuration says.
     *
     * @param config of the model
     * @param weights its files; the same where nothing is quantised
     * @throws BadInputException where the configuration asks for what is not read, or the files do
     *     not hold to it
     */
    public static WeightFiles assemble(ModelConfig config, WeightFiles weights) {
        Optional<QuantFields> found = fields(config, weights);
        if (found.isEmpty()) {
            return weights;
        }
        QuantFields fields = found.get();
        QuantMethod method = method(fields);
        StoredParts stored = new StoredParts(fields, weights);
        method.assemble(fields, stored);
        if (stored.isEmpty()) {
            throw new BadInputException(
                    fields.file(),
                    "'"
                            + FIELD
                            + "' says that the model is quantised ("
                            + method.name()
                            + "), but its weights are plain",
                    "remove the field, or use the weights that it was published with");
        }
        return weights.assembled(stored.tensors());
    }

    private static Optional<QuantFields> fields(ModelConfig config, WeightFiles weights) {
        if (config.has(FIELD)) {
            return Optional.of(
                    new QuantFields(config.where(), FIELD + ".", config.section(FIELD).json()));
        }
        boolean packed =
                weights.tensors().keySet().stream().anyMatch(name -> name.endsWith(".qweight"));
        Path folder = weights.files().getFirst().path().toAbsolutePath().getParent();
        return OLD_FILES.stream()
                .filter(_ -> packed)
                .map(folder::resolve)
                .filter(Files::exists)
                .findFirst()
                .map(file ->
                        new QuantFields(
                                file.toString(), "", SideFile.read(file, "write it again")));
    }

    private static QuantMethod method(QuantFields fields) {
        // The old files of the two have no name of it, and each its own.
        String usual = fields.file().endsWith(OLD_FILES.getLast()) ? "awq" : "gptq";
        String name = fields.text("quant_method", fields.path().isEmpty() ? usual : "");
        return ALL.stream()
                .filter(method -> method.name().equals(name))
                .findFirst()
                .orElseThrow(() ->
                        fields.bad(
                                "quant_method",
                                "is '" + name + "', which is not read",
                                "use a model that is quantised by one of "
                                        + ALL.stream().map(QuantMethod::name).toList()));
    }

    /**
     * Refuses packed matrices of families that store theirs input-major: which way codes lie then,
     * each way to quantise says apart.
     *
     * @param program of the model
     * @param tensors what its files have
     */
    public static void requireOutputMajor(ModelProgram program, Map<String, TensorInfo> tensors) {
        program.blocks().stream()
                .flatMap(block -> block.ops().stream())
                .flatMap(Op::products)
                .filter(LinearSpec::inputMajor)
                .map(linear -> tensors.get(linear.weight()))
                .filter(tensor -> tensor != null && tensor.format() instanceof PackedFormat)
                .findFirst()
                .ifPresent(tensor -> {
                    throw new BadInputException(
                            tensor.file().toString(),
                            "'"
                                    + tensor.name()
                                    + "' is packed, and this family stores its matrices"
                                    + " input-major, which is not read together",
                            "use the model that it was quantised from");
                });
    }
}
