package io.millrace.bench.jmh;

import io.millrace.executor.cpu.param.ParameterPass;
import io.millrace.executor.cpu.param.PassPlan;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Parameters a nanosecond, so G parameters/s, that one thread takes through a pass with one pending
 * update and two signs: two generations of z, one write-back, two outputs, all through memory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class ParameterPassBenchmark {
    private static final int ELEMENTS = 1 << 22;
    private static final int ALIGNMENT = 64;

    /** The stream. */
    @Param({"gaussian", "rademacher"})
    public String direction;

    /** How the parameters are stored. */
    @Param({"F32", "BF16", "F16"})
    public DType dtype;

    private final Arena arena = Arena.ofShared();
    private ParameterPass pass;
    private StoredTensor tensor;
    private PassPlan plan;
    private MemorySegment[] outputs;
    private final long[] offsets = new long[2];

    /** A state for the harness to fill. */
    public ParameterPassBenchmark() {}

    /** Lays out a tensor and two outputs. */
    @Setup
    public void prepare() {
        pass = new ParameterPass(Directions.dense(direction), Rounding.NEAREST);
        MemorySegment bytes = arena.allocate((long) ELEMENTS * dtype.sizeBytes(), ALIGNMENT);
        tensor = new StoredTensor(bytes, 0, dtype, 7, ELEMENTS, false);
        Update update = new Update(1, 42, Decay.NONE, List.of(new Update.Term(42, 1e-4f)));
        plan =
                PassPlan.querying(
                        PendingUpdates.of(0, 1, List.of(update)),
                        true,
                        new Query(43, List.of(1e-3f, -1e-3f)));
        outputs = new MemorySegment[2];
        for (int i = 0; i < outputs.length; i++) {
            outputs[i] = arena.allocate((long) ELEMENTS * Float.BYTES, ALIGNMENT);
        }
    }

    /** Gives the memory back. */
    @TearDown
    public void close() {
        arena.close();
    }

    /** One visit of the whole tensor. */
    @Benchmark
    @OperationsPerInvocation(ELEMENTS)
    public MemorySegment[] visit() {
        pass.range(tensor, plan, 0, ELEMENTS, outputs, offsets);
        return outputs;
    }

    /** Runs this benchmark alone. */
    public static void main(String[] args) throws RunnerException {
        new Runner(
                        new OptionsBuilder()
                                .include(ParameterPassBenchmark.class.getSimpleName())
                                .build())
                .run();
    }
}
