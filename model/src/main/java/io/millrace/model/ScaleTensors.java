package io.millrace.model;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TensorSlot;
import io.millrace.model.file.TensorInfo;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Scales of packed matrices as tensors of their own, under the names that files have for them: what
 * a run tunes of a model whose codes are only read.
 */
public final class ScaleTensors {
    private static final String WEIGHT = ".weight";

    private ScaleTensors() {}

    /** The name of a packed matrix's scales; empty where the slot has none that can be tuned. */
    public static Optional<String> name(TensorSlot slot) {
        return slot.format() instanceof ScaledFormat format
                ? Optional.of(name(slot.name(), part(format)))
                : Optional.empty();
    }

    /** The same of any of a matrix's parts. */
    static String name(String matrix, TensorPart part) {
        return matrix.substring(0, matrix.length() - WEIGHT.length()) + "." + part.suffix();
    }

    static TensorPart part(ScaledFormat format) {
        return format.parts().get(format.scalesPart());
    }

    /**
     * Where the scales of a model's packed matrices are stored, by the names that they have here.
     *
     * @param layout of the model
     * @param tensors of its files, each packed matrix with its parts
     */
    static Map<String, TensorInfo> stored(ModelLayout layout, Map<String, TensorInfo> tensors) {
        Map<String, TensorInfo> found = new HashMap<>();
        for (BlockLayout block : layout.blocks()) {
            for (TensorSlot slot : block.tensors()) {
                if (slot.format() instanceof ScaledFormat format) {
                    TensorInfo part = tensors.get(slot.name()).parts().get(format.scalesPart());
                    found.put(name(slot.name(), part(format)), part);
                }
            }
        }
        return found;
    }

    /** The scales as they are tuned: in float32, whatever files have them in. */
    static Optional<TensorSlot> slot(TensorSlot matrix) {
        return name(matrix)
                .map(name ->
                        new TensorSlot(
                                name,
                                TensorSlot.FROZEN,
                                DType.F32,
                                part((ScaledFormat) matrix.format()).shape(),
                                0));
    }
}
