package io.millrace.optim.mask;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The trained tensors as a run begins with them. */
public interface BaseWeights {
    /**
     * One of them.
     *
     * @param name the checkpoint's
     * @param tensorId its index among the sorted trainable names
     * @param shape its axes
     */
    record Tensor(String name, int tensorId, List<Long> shape) {
        /** How many elements it has. */
        public long elements() {
            return shape.stream().reduce(1L, (a, b) -> a * b);
        }
    }

    /** All of them. */
    List<Tensor> tensors();

    /** Takes values in order, piece by piece. */
    interface Reader {
        /** Takes the first so many values of an array, which is another's again afterwards. */
        void take(float[] values, int count);
    }

    /** Reads a tensor from its base, in float32 and within bounded memory. */
    void read(Tensor tensor, Reader reader);

    /**
     * The lists of a {@link MaskFile} by their names, whole.
     *
     * @throws io.millrace.memory.BadInputException where it is no such file
     */
    Map<String, long[]> lists(Path file);
}
