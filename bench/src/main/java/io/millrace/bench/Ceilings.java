package io.millrace.bench;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.prefetch.plan.Operation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the libraries and the machine give at best, all workers at once, nothing else going on: the
 * rates that floors are told from. Each {@link #measure} adds a round, so that rounds can take
 * turns with what is compared; the answers are medians.
 */
final class Ceilings implements AutoCloseable {
    private static final double ENOUGH_SECONDS = 0.08;
    private static final int FEWEST = 3;
    private static final int NARROW = 64; // the width of oneDNN's kernel
    private static final int TILE = 4096;
    private static final int TILES = 64;
    private static final int NEAR_FLOATS = 1 << 20; // stays in a shared cache
    private static final int FAR_FLOATS = 32 << 20; // stays in none
    private static final double FLOATS_MOVED = 2; // read and written
    private static final float SMALL = 0.01f;

    private final CpuWorkers workers;
    private final int count;
    private final DenseDirection direction;
    private final Map<Shape, Map<Cut, List<Double>>> products = new LinkedHashMap<>();
    private final List<Double> z = new ArrayList<>();
    private final List<Double> near = new ArrayList<>();
    private final List<Double> far = new ArrayList<>();
    private final float[][] tiles;
    private final HostSlab left;
    private final HostSlab weights;
    private final HostSlab result;
    private long firstZ;

    /** A product, sums of {@code inputs} terms. */
    record Shape(long rows, long inputs, long outputs) {
        Shape(Operation.Matmul matmul) {
            this(matmul.rows(), matmul.inputs(), matmul.outputs());
        }

        double flops() {
            return 2.0 * rows * inputs * outputs;
        }
    }

    /**
     * How the library is called: by columns of weights in one of the two layouts.
     *
     * @param narrow whether a call has as many columns as a kernel, or a worker's whole share
     * @param inputMajor whether weights lie [inputs, outputs], the library's better layout
     */
    record Cut(boolean narrow, boolean inputMajor) {
        static final List<Cut> ALL =
                List.of(
                        new Cut(false, false),
                        new Cut(true, false),
                        new Cut(false, true),
                        new Cut(true, true));
    }

    Ceilings(int workers, DenseDirection direction, Set<Shape> shapes) {
        this.workers = new CpuWorkers(workers);
        this.direction = direction;
        count = workers;
        tiles = new float[workers][TILE];
        for (Shape shape : shapes) {
            Map<Cut, List<Double>> rates = new LinkedHashMap<>();
            Cut.ALL.forEach(cut -> rates.put(cut, new ArrayList<>()));
            products.put(shape, rates);
        }
        HostMemory memory = new HostMemory(Ledger.unlimited());
        left = filled(memory, most(shapes, 1, 1, 0));
        weights = filled(memory, Math.max(FAR_FLOATS, most(shapes, 0, 1, 1)));
        result = filled(memory, Math.max(FAR_FLOATS, most(shapes, 1, 0, 1)));
    }

    private static long most(Set<Shape> shapes, int rows, int inputs, int outputs) {
        return shapes.stream()
                .mapToLong(shape ->
                        (rows == 0 ? 1 : shape.rows)
                                * (inputs == 0 ? 1 : shape.inputs)
                                * (outputs == 0 ? 1 : shape.outputs))
                .max()
                .orElse(1);
    }

    private static HostSlab filled(HostMemory memory, long floats) {
        HostSlab slab = memory.allocate("a ceiling's operand", floats * Float.BYTES);
        for (long at = 0; at < floats; at++) {
            slab.segment().setAtIndex(ValueLayout.JAVA_FLOAT, at, SMALL * (at % 7 - 3));
        }
        return slab;
    }

    /** One round of everything. */
    void measure() {
        products.forEach((shape, rates) ->
                rates.forEach((cut, rounds) ->
                        rounds.add(shape.flops() / seconds(() -> multiply(shape, cut)))));
        z.add((double) count * TILES * TILE / seconds(this::generate));
        near.add(copied(NEAR_FLOATS));
        far.add(copied(FAR_FLOATS));
    }

    private double copied(int floats) {
        return FLOATS_MOVED * Float.BYTES * floats / seconds(() -> copy(floats));
    }

    private void multiply(Shape shape, Cut cut) {
        long share = Math.ceilDiv(Math.ceilDiv(shape.outputs, count), NARROW) * NARROW;
        workers.pool()
                .parallelFor(
                        count,
                        (index, worker) -> {
                            long end = Math.min(shape.outputs, (index + 1) * share);
                            long width = cut.narrow ? NARROW : share;
                            for (long column = index * share; column < end; column += width) {
                                columns(shape, cut, column, Math.min(width, end - column), worker);
                            }
                        });
    }

    private void columns(Shape shape, Cut cut, long column, long width, int worker) {
        Gemm gemm = workers.gemm(worker);
        gemm.multiply(
                shape.rows,
                width,
                shape.inputs,
                left.segment(),
                0,
                shape.inputs,
                weights.segment(),
                cut.inputMajor ? column : column * shape.inputs,
                cut.inputMajor ? shape.outputs : shape.inputs,
                cut.inputMajor,
                null,
                0,
                false,
                result.segment(),
                column,
                shape.outputs);
    }

    private void generate() {
        long first = firstZ;
        workers.pool()
                .parallelFor(
                        count,
                        (index, worker) -> {
                            for (int tile = 0; tile < TILES; tile++) {
                                long at = first + ((long) index * TILES + tile) * TILE;
                                direction.fill(1, 0, at, tiles[worker], 0, TILE);
                            }
                        });
        firstZ += (long) count * TILES * TILE;
    }

    private void copy(int floats) {
        long each = (long) floats / count * Float.BYTES;
        workers.pool()
                .parallelFor(
                        count,
                        (index, worker) ->
                                MemorySegment.copy(
                                        weights.segment(),
                                        index * each,
                                        result.segment(),
                                        index * each,
                                        each));
    }

    private static double seconds(Runnable work) {
        work.run();
        List<Double> times = new ArrayList<>();
        double sum = 0;
        while (times.size() < FEWEST || sum < ENOUGH_SECONDS) {
            long begin = System.nanoTime();
            work.run();
            double seconds = (System.nanoTime() - begin) * 1e-9;
            times.add(seconds);
            sum += seconds;
        }
        return median(times);
    }

    private static double median(List<Double> values) {
        return DeviceCopies.median(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    /** FLOP/s of a product in its best cut, of those with weights as they are stored or of all. */
    double flopsPerSecond(Shape shape, boolean asStored) {
        return products.get(shape).entrySet().stream()
                .filter(entry -> !asStored || !entry.getKey().inputMajor)
                .mapToDouble(entry -> median(entry.getValue()))
                .max()
                .orElseThrow();
    }

    /** Values of z a second. */
    double zPerSecond() {
        return median(z);
    }

    /** Bytes read and written a second by a copy within a shared cache. */
    double nearBytesPerSecond() {
        return median(near);
    }

    /** Bytes read and written a second by a copy in main memory. */
    double farBytesPerSecond() {
        return median(far);
    }

    @Override
    public void close() {
        workers.close();
        left.close();
        weights.close();
        result.close();
    }
}
