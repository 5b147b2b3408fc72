package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.cpu.dense.DenseWeightPasses;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.FactorKernels;
import io.millrace.executor.cpu.param.ParameterPass;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.PassOutputs;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Query;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Passes along directions of thin factors, as the products with matrices need them. */
abstract class ThinPasses implements WeightPasses {
    final WorkerPool pool;
    final FactoredDirection direction;
    final DenseWeightPasses dense; // of tensors that are no matrices
    final LowRankMemory memory;
    final FactorKernels[] kernels;
    final List<PassOutputs> outputs;
    private final int scalesAtOnce;

    /**
     * What every way of thin factors has, for each worker of a pool.
     *
     * @param pool the workers
     * @param direction the direction
     * @param rounding how folded weights are rounded
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param scales the most scales that go through a block together
     * @param memory what they own
     */
    ThinPasses(
            WorkerPool pool,
            FactoredDirection direction,
            Rounding rounding,
            int foldEvery,
            int scales,
            LowRankMemory memory) {
        this.pool = pool;
        this.direction = direction;
        this.memory = memory;
        scalesAtOnce = scales;
        dense =
                new DenseWeightPasses(
                        pool,
                        () -> new ParameterPass(new GaussianDirection(), rounding),
                        Optional.empty(),
                        foldEvery,
                        scales);
        kernels = new FactorKernels[pool.workers()];
        Arrays.setAll(kernels, _ -> new FactorKernels(memory.mostRank()));
        outputs = perWorker(() -> new PassOutputs(scales));
    }

    /** One for each worker. */
    final <T> List<T> perWorker(Supplier<T> each) {
        return Stream.generate(each).limit(pool.workers()).toList();
    }

    @Override
    public final WorkerPool pool() {
        return pool;
    }

    @Override
    public final int foldEvery() {
        return dense.foldEvery();
    }

    @Override
    public final int scalesAtOnce() {
        return scalesAtOnce;
    }

    @Override
    public final LinearProgram linear(CpuWorkers workers, Scratch scratch) {
        return new LowRankLinear(workers, scratch, this);
    }

    @Override
    public final void close() {
        memory.close();
    }

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
    abstract TensorForm base(HostVisit visit, int tensor);

    /** Whether the stored bytes are what {@link #base} would form in a type. */
    abstract boolean isBase(HostVisit visit, int tensor, DType type);

    /** What belongs beside the product with {@link #base}; the last one made is valid. */
    abstract Beside beside(HostVisit visit, int tensor, List<Query> queries);

    /** Where the inputs' products with a thin factor go. */
    final Floats products() {
        return memory.products();
    }
}
