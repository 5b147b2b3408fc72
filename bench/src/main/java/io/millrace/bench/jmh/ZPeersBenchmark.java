package io.millrace.bench.jmh;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Directions;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What {@link ZStreamBenchmark} is to be seen beside, in values a nanosecond on one thread: the
 * same streams asked for one value at a time, which takes their scalar path, and what {@code
 * java.util} offers. Those of {@code java.util} cannot begin at any element.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class ZPeersBenchmark {
    private static final int TILE = 4096;

    private final float[] tile = new float[TILE];
    private final DenseDirection gaussian = Directions.dense("gaussian");
    private final DenseDirection rademacher = Directions.dense("rademacher");
    private final Random random = new Random(1);
    private final RandomGenerator fast = RandomGenerator.of("L64X128MixRandom");
    private final SplittableRandom splittable = new SplittableRandom(1);
    private long first;

    /** A state for the harness to fill. */
    public ZPeersBenchmark() {}

    /** Our gaussian, a value at a time. */
    @Benchmark
    @OperationsPerInvocation(TILE)
    public float[] gaussianScalar() {
        return oneByOne(gaussian);
    }

    /** Our signs, a value at a time. */
    @Benchmark
    @OperationsPerInvocation(TILE)
    public float[] rademacherScalar() {
        return oneByOne(rademacher);
    }

    private float[] oneByOne(DenseDirection direction) {
        for (int i = 0; i < TILE; i++) {
            direction.fill(42, 7, first++, tile, i, 1);
        }
        return tile;
    }

    /** {@link Random}, by the polar method. */
    @Benchmark
    @OperationsPerInvocation(TILE)
    public float[] gaussianOfRandom() {
        for (int i = 0; i < TILE; i++) {
            tile[i] = (float) random.nextGaussian();
        }
        return tile;
    }

    /** A generator since Java 17, by McFarland's ziggurat. */
    @Benchmark
    @OperationsPerInvocation(TILE)
    public float[] gaussianOfL64X128Mix() {
        for (int i = 0; i < TILE; i++) {
            tile[i] = (float) fast.nextGaussian();
        }
        return tile;
    }

    /** Signs from 64 bits at a time. */
    @Benchmark
    @OperationsPerInvocation(TILE)
    public float[] signsOfSplittableRandom() {
        for (int i = 0; i < TILE; i += Long.SIZE) {
            long bits = splittable.nextLong();
            for (int b = 0; b < Long.SIZE; b++) {
                tile[i + b] = (bits >>> b & 1) == 0 ? 1f : -1f;
            }
        }
        return tile;
    }
}
