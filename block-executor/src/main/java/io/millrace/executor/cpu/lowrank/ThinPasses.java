package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.optim.estimate.Query;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/** Passes along directions of thin factors, as the products with matrices need them. */
interface ThinPasses extends WeightPasses {
    /**
     * What is added to the product with a matrix as it is stored: {@code decay · θ} and, for every
     * scale, {@code side · right}.
     *
     * @param decay factor on the product
     * @param rank r
     * @param rights Vᵀ of every scale, [r, n]
     * @param sides wᵀ of every scale, [r, m]
     */
    record Beside(float decay, int rank, List<Floats> rights, List<Floats> sides) {
        /** Places one behind another. */
        static List<Floats> places(Floats first, int count, long stride) {
            return IntStream.range(0, count).mapToObj(index -> first.at(index * stride)).toList();
        }
    }

    /** Memory from a place on. */
    static MemorySegment from(Floats place) {
        return place.segment().asSlice(place.start() * Float.BYTES);
    }

    /** A matrix as the products beside it expect it. */
    TensorForm base(HostVisit visit, int tensor);

    /** Whether the stored bytes are what {@link #base} would form in a type. */
    boolean isBase(HostVisit visit, int tensor, DType type);

    /** What belongs beside the product with {@link #base}; the last one made is valid. */
    Beside beside(HostVisit visit, int tensor, List<Query> queries);

    /** Where the inputs' products with a thin factor go. */
    Floats products();
}
