package io.millrace.model.quantize;

import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import io.millrace.model.file.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The bytes that a matrix takes in a form, for plans of models that nobody has: there is nothing to
 * read.
 *
 * @param form the form
 * @param matrix the matrix
 * @param group elements of a row that share a scale
 * @param dtype in which the matrix would be stored
 */
public record CodedFormat(QuantForm form, QuantMatrix matrix, int group, DType dtype)
        implements TensorFormat {
    @Override
    public String name() {
        return form.name() + "-g" + group;
    }

    @Override
    public long bytes(List<Long> shape) {
        return form.entries(matrix, group, dtype).stream()
                .mapToLong(SafetensorsWriter.Entry::sizeBytes)
                .sum();
    }

    @Override
    public void load(
            MemorySegment bytes, long offset, long first, float[] values, int start, int count) {
        throw new IllegalStateException(matrix.tensor() + " is only planned");
    }
}
