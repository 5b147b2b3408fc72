package io.millrace.model.adapter;

import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import java.util.List;

/**
 * The LoRA beside one module: A [rank, inputs] and B [outputs, rank], in float32. The module's
 * weight, as {@code y = x Wᵀ} has it, becomes W + B A.
 *
 * @param target the module
 * @param rows of the matrix as the checkpoint stores it
 * @param columns of the matrix as the checkpoint stores it
 * @param rank r
 */
public record LoraPart(LoraTarget target, long rows, long columns, int rank) {
    private static final String PREFIX = "base_model.model.";

    /** Whether the matrix is stored as Wᵀ is. */
    boolean isTransposed() {
        return target.kind() != LoraTarget.Kind.LINEAR;
    }

    /** A's name in the file. */
    public String first() {
        return name("A");
    }

    /** B's name in the file. */
    public String second() {
        return name("B");
    }

    private String name(String factor) {
        String module = PREFIX + target.module();
        return target.kind() == LoraTarget.Kind.TABLE
                ? module + ".lora_embedding_" + factor
                : module + ".lora_" + factor + ".weight";
    }

    List<SafetensorsWriter.Entry> entries() {
        long inputs = isTransposed() ? rows : columns;
        long outputs = isTransposed() ? columns : rows;
        return List.of(
                new SafetensorsWriter.Entry(first(), DType.F32, List.of((long) rank, inputs)),
                new SafetensorsWriter.Entry(second(), DType.F32, List.of(outputs, (long) rank)));
    }
}
