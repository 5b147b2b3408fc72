package io.millrace.executor.probe;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.SideProducts;
import io.millrace.executor.cpu.param.FactorKernels;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.cpu.param.LeftSide;
import io.millrace.executor.cpu.param.LowRankPass;
import io.millrace.executor.cpu.param.LowRankPlan;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.memory.DType;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.prefetch.plan.ThinRates;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What low-rank directions cost beside their products: the factors, the thin products, and the
 * matrix itself, read as it is stored from memory that no cache holds.
 */
final class ThinProbe implements AutoCloseable {
    private static final int RANK = 2;
    private static final int SCALES = 2;
    private static final int WIDTH = 2048;
    private static final int ROWS = 128; // of a product; so few that its matrix counts
    private static final int PANEL = 64; // columns of a product's tile
    private static final int ROUNDS = 3;
    private static final int FACTOR_ROWS = 64 * 1024;
    private static final int FACTOR_TASK = 512;
    private static final int ROWS_PER_TASK = 4;
    private static final long SEED = 7;
    private static final LowRankDirection DIRECTION = new LowRankDirection(SEED, RANK, 50);
    private static final Query QUERY = new Query(SEED, List.of(1e-3f, -1e-3f));
    private static final List<DType> DTYPES = List.of(DType.F32, DType.BF16, DType.F16);

    private final CpuWorkers workers;
    private final HostMemory memory;
    private final Timing timing;
    private final List<HostSlab> slabs = new ArrayList<>();
    private final int outputs;
    private final MemorySegment weights;
    private final MemorySegment x;
    private final MemorySegment y;
    private final MemorySegment tiles;
    private final MemorySegment thin;

    /**
     * Takes the memory.
     *
     * @param elements of the matrix that is read
     */
    ThinProbe(CpuWorkers workers, HostMemory memory, Timing timing, long elements) {
        this.workers = workers;
        this.memory = memory;
        this.timing = timing;
        outputs = Math.toIntExact(Math.max(PANEL, elements / WIDTH / PANEL * PANEL));
        weights = zeros("weights", (long) outputs * WIDTH);
        x = zeros("inputs", (long) ROWS * WIDTH);
        y = zeros("outputs", (long) ROWS * WIDTH);
        tiles = zeros("panels", (long) workers.pool().workers() * PANEL * WIDTH);
        thin = zeros("factors", (long) RANK * Math.max(WIDTH, outputs));
    }

    private MemorySegment zeros(String purpose, long floats) {
        HostSlab slab = memory.allocate("probed " + purpose, floats * Float.BYTES);
        slabs.add(slab);
        return slab.segment().fill((byte) 0);
    }

    ThinRates run() {
        Map<DType, Double> read = new EnumMap<>(DType.class);
        for (DType dtype : DTYPES) {
            read.put(dtype, pass(dtype, Optional.empty()));
        }
        LeftSide left =
                new LeftSide(
                        DIRECTION,
                        0,
                        RANK,
                        DIRECTION.scale(),
                        Optional.of(thin),
                        Optional.empty(),
                        Optional.empty(),
                        List.of());
        LowRankPlan.Fold fold = new LowRankPlan.Fold(Decay.NONE, left, thin, SEED, false);
        double folded = pass(DType.F32, Optional.of(fold));
        return new ThinRates(
                factorSeconds(),
                projectSeconds(),
                addSeconds(),
                Math.max(0, folded - read.get(DType.F32)) / RANK,
                directSeconds(),
                read);
    }

    private double factorSeconds() {
        MemorySegment left = zeros("left factor", (long) RANK * FACTOR_ROWS);
        MemorySegment sides = zeros("sides", (long) SCALES * RANK * FACTOR_ROWS);
        FactorTrack track =
                FactorTrack.ofMatrix(DIRECTION, 1, 0, FACTOR_ROWS, WIDTH, left, Optional.empty());
        LeftSide side = track.side(true, Optional.empty(), Optional.empty(), List.of(QUERY));
        FactorKernels[] kernels = new FactorKernels[workers.pool().workers()];
        for (int worker = 0; worker < kernels.length; worker++) {
            kernels[worker] = new FactorKernels(RANK);
        }
        double seconds =
                share(
                        FACTOR_ROWS / FACTOR_TASK,
                        (task, worker) -> {
                            long from = (long) task * FACTOR_TASK;
                            kernels[worker].sides(
                                    side, FACTOR_ROWS, from, from + FACTOR_TASK, sides);
                        });
        return seconds / ((double) FACTOR_ROWS * RANK);
    }

    private double projectSeconds() {
        double seconds =
                share(
                        ROWS / ROWS_PER_TASK,
                        (task, worker) -> {
                            long row = (long) task * ROWS_PER_TASK;
                            SideProducts.project(
                                    x,
                                    row * WIDTH,
                                    WIDTH,
                                    ROWS_PER_TASK,
                                    WIDTH,
                                    thin,
                                    0,
                                    RANK,
                                    y,
                                    row * RANK);
                        });
        return seconds / ((double) ROWS * WIDTH);
    }

    private double addSeconds() {
        double seconds =
                share(
                        WIDTH / PANEL,
                        (panel, worker) -> {
                            int column = panel * PANEL;
                            SideProducts.add(
                                    tiles,
                                    tile(worker),
                                    PANEL,
                                    ROWS,
                                    PANEL,
                                    1f,
                                    null,
                                    0,
                                    x,
                                    0,
                                    RANK,
                                    thin,
                                    column,
                                    WIDTH,
                                    false,
                                    y,
                                    column,
                                    WIDTH);
                        });
        return seconds / ((double) ROWS * WIDTH);
    }

    /** Seconds an element of the pass that reads a matrix into panels. */
    private double pass(DType dtype, Optional<LowRankPlan.Fold> fold) {
        long elements = (long) outputs * WIDTH;
        StoredTensor tensor = new StoredTensor(weights, 0, dtype, 0, elements, false);
        LowRankPlan plan = new LowRankPlan(WIDTH, fold, Optional.empty());
        LowRankPass[] passes = new LowRankPass[workers.pool().workers()];
        for (int worker = 0; worker < passes.length; worker++) {
            passes[worker] = new LowRankPass(RANK, Rounding.NEAREST);
        }
        long each = (long) PANEL * WIDTH;
        double least = Double.POSITIVE_INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            double seconds =
                    share(
                            outputs / PANEL,
                            (panel, worker) ->
                                    passes[worker].range(
                                            tensor,
                                            plan,
                                            panel * each,
                                            each,
                                            new MemorySegment[] {tiles},
                                            new long[] {tile(worker) * Float.BYTES}));
            least = Math.min(least, seconds);
        }
        return least / elements;
    }

    /**
     * What a byte of a matrix in memory costs a product, over one that lies in the cache; by turns,
     * and the least of each, as in every difference.
     */
    private double directSeconds() {
        double far = Double.POSITIVE_INFINITY;
        double near = Double.POSITIVE_INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            far = Math.min(far, productSeconds(true));
            near = Math.min(near, productSeconds(false));
        }
        return Math.max(0, far - near) / ((double) outputs * WIDTH * Float.BYTES);
    }

    private double productSeconds(boolean far) {
        return share(
                outputs / PANEL,
                (panel, worker) ->
                        workers.gemm(worker)
                                .multiply(
                                        ROWS,
                                        PANEL,
                                        WIDTH,
                                        x,
                                        0,
                                        WIDTH,
                                        far ? weights : tiles,
                                        far ? (long) panel * PANEL * WIDTH : tile(worker),
                                        WIDTH,
                                        false,
                                        null,
                                        0,
                                        false,
                                        y,
                                        (long) worker * ROWS * PANEL,
                                        PANEL));
    }

    private static long tile(int worker) {
        return (long) worker * PANEL * WIDTH;
    }

    private interface Task {
        void run(int task, int worker);
    }

    private double share(int tasks, Task work) {
        return timing.seconds(() -> workers.pool().parallelFor(tasks, work::run));
    }

    @Override
    public void close() {
        slabs.forEach(HostSlab::close);
    }
}
