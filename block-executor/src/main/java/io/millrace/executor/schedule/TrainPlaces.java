package io.millrace.executor.schedule;

import io.millrace.model.spec.TensorSpec;
import io.millrace.model.spec.TensorTrain;
import java.util.List;

/**
 * Where the parts of a tensor train lie for one scale, in floats from where those of the scale
 * begin: its cores one after another, its bias, and the two factors that the cores are contracted
 * to, [rank, inputs] and [rank, outputs].
 *
 * @param train the train
 * @param start of the first core
 */
public record TrainPlaces(TensorTrain train, long start) {
    /** Where a core lies. */
    public long core(int index) {
        return start + length(train.cores().subList(0, index));
    }

    /** Where the bias lies. */
    public long bias() {
        return start + length(train.cores());
    }

    /** Where the factor of the inputs lies. */
    public long first() {
        return start + length(train.tensors());
    }

    /** Where the factor of the outputs lies. */
    public long second() {
        return first() + (long) train.rank() * train.inputWidth();
    }

    /** The place behind all of it. */
    public long end() {
        return second() + (long) train.rank() * train.outputWidth();
    }

    /** Floats of the largest product of some cores that follow each other. */
    long longestProduct() {
        long longest = 0;
        long inputs = 1;
        for (int extent : train.inputs()) {
            inputs *= extent;
            longest = Math.max(longest, inputs * train.rank());
        }
        long outputs = train.rank();
        for (int extent : train.outputs().subList(0, train.outputs().size() - 1)) {
            outputs *= extent;
            longest = Math.max(longest, outputs * train.rank());
        }
        return longest;
    }

    private static long length(List<TensorSpec> tensors) {
        return tensors.stream().mapToLong(TensorSpec::elements).sum();
    }
}
