package io.millrace.bench.jmh;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Directions;
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
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Values of z a nanosecond, so G values/s, that one thread regenerates. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class ZStreamBenchmark {
    private static final int VALUES = 1 << 16;
    private static final int TILE = 4096;

    /** The stream. */
    @Param({"gaussian", "rademacher"})
    public String direction;

    private DenseDirection stream;
    private float[] tile;
    private long first;

    /** A state for the harness to fill. */
    public ZStreamBenchmark() {}

    /** Finds the stream. */
    @Setup
    public void prepare() {
        stream = Directions.dense(direction);
        tile = new float[TILE];
    }

    /** Tiles of a row, as the parameter pass asks for them. */
    @Benchmark
    @OperationsPerInvocation(VALUES)
    public float[] fill() {
        for (int done = 0; done < VALUES; done += TILE) {
            stream.fill(42, 7, first, tile, 0, TILE);
            first += TILE;
        }
        return tile;
    }

    /** Runs this benchmark alone. */
    public static void main(String[] args) throws RunnerException {
        new Runner(new OptionsBuilder().include(ZStreamBenchmark.class.getSimpleName()).build())
                .run();
    }
}
