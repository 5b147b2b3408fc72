package io.millrace.executor.probe;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.cpu.param.ParameterPass;
import io.millrace.executor.cpu.param.PassPlan;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TileReader;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.quantized.format.GptqFormat;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import io.millrace.prefetch.plan.FormRates;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/**
 * The pass that widens, folds and perturbs, on a tensor that no cache holds, a panel at a time.
 * Three variants of it tell apart what z costs, what storing costs, and what is left.
 */
final class FormProbe implements AutoCloseable {
    private static final int PANEL = 128 * 1024;
    private static final int SCALES = 2;
    private static final int CODE_ROWS = 64;
    private static final int CODE_BITS = 4;
    private static final int CODE_GROUP = 128;
    private static final int ROUNDS = 3;
    private static final List<DType> DTYPES = List.of(DType.F32, DType.BF16, DType.F16);
    private static final long SEED = 7;

    private final CpuWorkers workers;
    private final Timing timing;
    private final Timing patient;
    private final long elements;
    private final HostSlab weights;
    private final HostSlab panels;

    FormProbe(CpuWorkers workers, HostMemory memory, Timing timing, Timing patient, long elements) {
        this.elements = elements;
        this.workers = workers;
        this.timing = timing;
        this.patient = patient;
        weights = memory.allocate("probed weights", elements * Float.BYTES);
        panels =
                memory.allocate(
                        "probed panels",
                        (long) workers.pool().workers() * SCALES * PANEL * Float.BYTES);
        weights.segment().fill((byte) 0);
    }

    /** Fills in seconds an element. */
    void measure(Map<DType, Double> widen, Map<DType, Double> store, Map<String, Double> z) {
        for (String name : Directions.denseNames()) {
            DenseDirection direction = Directions.dense(name);
            double[] least = least(direction, DType.BF16, pending(2, 0), pending(2, 1));
            z.put(name, Math.max(0, least[1] - least[0]));
        }
        DenseDirection cheap = Directions.dense("rademacher");
        for (DType dtype : DTYPES) {
            double[] least = least(cheap, dtype, pending(1, 0), pending(1, 1));
            widen.put(dtype, Math.max(0, least[0] - z.get("rademacher")));
            store.put(dtype, Math.max(0, least[1] - least[0] - z.get("rademacher")));
        }
        widen.put(FormRates.CODES, codeSeconds(DType.F32));
        if (Gemm.multipliesBFloat16()) {
            widen.put(FormRates.ROUNDED_CODES, codeSeconds(DType.BF16));
        }
    }

    /** An element of a packed matrix of 4 bits, read into a panel as products take it. */
    private double codeSeconds(DType type) {
        int columns = PANEL / CODE_ROWS;
        int rows = (int) (elements / columns);
        PackedFormat format =
                new GptqFormat(rows, columns, CODE_BITS, CODE_GROUP, true, false, DType.F16);
        TileReader[] readers = new TileReader[workers.pool().workers()];
        for (int worker = 0; worker < readers.length; worker++) {
            readers[worker] = format.reader();
        }
        double seconds =
                patient.seconds(() ->
                        workers.pool()
                                .parallelFor(
                                        rows / CODE_ROWS,
                                        (panel, worker) ->
                                                readers[worker].turned(
                                                        weights.segment(),
                                                        0,
                                                        new TileReader.Area(
                                                                panel * CODE_ROWS,
                                                                CODE_ROWS,
                                                                0,
                                                                columns),
                                                        new TileReader.Place(
                                                                panels.segment(),
                                                                (long) worker * PANEL * Float.BYTES,
                                                                CODE_ROWS,
                                                                type))));
        return seconds / elements;
    }

    /**
     * Two variants in turns, and the least of each: a difference of two times that are taken one
     * after the other is mostly what happened in between.
     */
    private double[] least(
            DenseDirection direction, DType dtype, PendingUpdates one, PendingUpdates other) {
        double[] least = {Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY};
        for (int round = 0; round < ROUNDS; round++) {
            least[0] = Math.min(least[0], seconds(direction, dtype, one));
            least[1] = Math.min(least[1], seconds(direction, dtype, other));
        }
        return least;
    }

    /** So many updates that wait; they are rounded and stored only where every step folds. */
    private static PendingUpdates pending(int foldEvery, int count) {
        Update update = new Update(1, SEED, Decay.NONE, List.of(new Update.Term(SEED, 0f)));
        return PendingUpdates.of(0, foldEvery, count == 0 ? List.of() : List.of(update));
    }

    private double seconds(DenseDirection direction, DType dtype, PendingUpdates pending) {
        StoredTensor tensor = new StoredTensor(weights.segment(), 0, dtype, 0, elements, false);
        PassPlan plan =
                PassPlan.querying(
                        pending, pending.folds(), new Query(SEED + 1, List.of(1e-3f, -1e-3f)));
        ParameterPass[] passes = new ParameterPass[workers.pool().workers()];
        for (int worker = 0; worker < passes.length; worker++) {
            passes[worker] = new ParameterPass(direction, Rounding.NEAREST);
        }
        MemorySegment place = panels.segment();
        double seconds =
                timing.seconds(() ->
                        workers.pool()
                                .parallelFor(
                                        (int) (elements / PANEL),
                                        (panel, worker) -> {
                                            long at = (long) worker * SCALES * PANEL * Float.BYTES;
                                            passes[worker].range(
                                                    tensor,
                                                    plan,
                                                    (long) panel * PANEL,
                                                    PANEL,
                                                    new MemorySegment[] {place, place},
                                                    new long[] {
                                                        at, at + (long) PANEL * Float.BYTES
                                                    });
                                        }));
        return seconds / elements;
    }

    @Override
    public void close() {
        panels.close();
        weights.close();
    }
}
