package io.millrace.model.quantize;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A matrix of a layer, to be stored in fewer bits: [outputs, inputs], whichever way the model has
 * it.
 *
 * @param tensor the checkpoint's name of it
 * @param outputs its rows
 * @param inputs its columns
 */
public record QuantMatrix(String tensor, int outputs, int inputs) {
    private static final String WEIGHT = ".weight";

    /** The module that has it, as lists of modules and names of tensors beside it begin. */
    public String module() {
        return module(tensor);
    }

    static String module(String tensor) {
        return tensor.endsWith(WEIGHT)
                ? tensor.substring(0, tensor.length() - WEIGHT.length())
                : tensor;
    }

    /** Elements of it. */
    public long elements() {
        return (long) outputs * inputs;
    }

    /**
     * The matrices of a model's layers, in their order: those of attention, of the part that feeds
     * forward, and of experts. Embedding and head, what routes tokens and gates of one output stay
     * as they are.
     *
     * @throws BadInputException when the family stores its matrices input-major, as GPT-2 does:
     *     such are not read where they are packed
     */
    public static List<QuantMatrix> of(ModelProgram program) {
        List<QuantMatrix> matrices = ofLayers(program);
        program.ops()
                .flatMap(Op::products)
                .filter(LinearSpec::inputMajor)
                .map(LinearSpec::weight)
                .filter(weight -> matrices.stream().anyMatch(one -> one.tensor.equals(weight)))
                .findFirst()
                .ifPresent(weight -> {
                    throw new BadInputException(
                            "model_type",
                            "'"
                                    + weight
                                    + "' is stored input-major, and such matrices are not read"
                                    + " where they are packed",
                            "use a model of a family other than GPT-2's and gpt-oss's");
                });
        return matrices;
    }

    private static List<QuantMatrix> ofLayers(ModelProgram program) {
        Map<String, QuantMatrix> matrices = new LinkedHashMap<>();
        for (BlockProgram layer : program.layers()) {
            layer.ops().stream()
                    .filter(op -> op instanceof Op.Linear || op instanceof MixtureOp.Experts)
                    .flatMap(Op::products)
                    .filter(linear -> linear.outputs() > 1)
                    .map(QuantMatrix::of)
                    .forEach(matrix -> matrices.putIfAbsent(matrix.tensor(), matrix));
        }
        return List.copyOf(matrices.values());
    }

    /** The modules whose matrices are multiplied with and stay as they are, once each. */
    public static List<String> left(ModelProgram program) {
        List<String> quantised = ofLayers(program).stream().map(QuantMatrix::tensor).toList();
        return program.ops()
                .flatMap(QuantMatrix::products)
                .map(LinearSpec::weight)
                .filter(tensor -> !quantised.contains(tensor))
                .map(QuantMatrix::module)
                .distinct()
                .toList();
    }

    private static Stream<LinearSpec> products(Op op) {
        return op instanceof Op.Score score ? Stream.of(score.logits()) : op.products();
    }

    private static QuantMatrix of(LinearSpec linear) {
        return new QuantMatrix(linear.weight(), linear.outputs(), linear.inputs());
    }
}
