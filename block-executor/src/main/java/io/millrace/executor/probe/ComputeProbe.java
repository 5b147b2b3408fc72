package io.millrace.executor.probe;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.executor.cpu.op.Loss;
import io.millrace.executor.cpu.op.Norms;
import io.millrace.executor.cpu.op.Rotary;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.step.RotaryTable;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import io.millrace.prefetch.plan.ComputeRates;
import io.millrace.prefetch.plan.FormRates;
import io.millrace.prefetch.plan.Operation;
import io.millrace.prefetch.plan.ThinRates;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** The CPU's rates, all workers together, on data of the sizes that runs have. */
final class ComputeProbe implements AutoCloseable {
    private static final int SCALES = 2;
    private static final int REFERENCE_ROWS = 512;
    private static final int REFERENCE_INPUTS = 2048;
    private static final int OUTPUTS = 1024;
    private static final int[] HEAD_SIZES = {64, 128};
    private static final int HEADS = 16;
    private static final int PASS_ROWS = 512;
    private static final int PASS_WIDTH = 2048;
    private static final int PANEL = 64; // logits of a panel, elements of a head
    private static final int DISPATCHES = 2000;
    private static final float SMALL = 0.01f;

    private final CpuWorkers workers;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());
    private final Timing timing;
    private final Timing patient;
    private final Effort effort;
    private final Consumer<String> progress;

    /**
     * How much is measured.
     *
     * @param rows of products
     * @param inputs of products
     * @param tokens of sequences in attention
     * @param formed elements of a tensor that is formed; too many for any cache
     * @param warmSeconds before a first measurement: vector code runs a thousand times slower until
     *     the compiler has seen enough of it
     * @param seconds of a measurement
     */
    record Effort(
            List<Integer> rows,
            List<Integer> inputs,
            List<Integer> tokens,
            long formed,
            double warmSeconds,
            double seconds) {
        /** What takes some twenty seconds and makes good plans. */
        static final Effort FULL =
                new Effort(
                        List.of(16, 64, 128, 256, 512, 1024, 2048),
                        List.of(512, 768, 1024, 2048, 3072, 4096, 8192),
                        List.of(64, 128, 256, 512, 1024),
                        24L << 20,
                        0.4,
                        0.12);
    }

    ComputeProbe(int cores, Effort effort, Consumer<String> progress) {
        workers = new CpuWorkers(cores);
        this.effort = effort;
        this.progress = progress;
        timing = new Timing(effort.seconds / 2, effort.seconds);
        patient = new Timing(effort.warmSeconds, effort.seconds);
    }

    ComputeRates run() {
        progress.accept("matrix products");
        List<ComputeRates.MatmulRate> matmuls =
                matmuls(DType.F32, effort.inputs, effort.rows, timing);
        List<ComputeRates.MatmulRate> rounded = roundedMatmuls();
        progress.accept("attention");
        List<ComputeRates.AttentionRate> attentions = attentions();
        progress.accept("norms, activations, losses");
        Map<Operation.Kind, Double> passes = passes();
        progress.accept("z, folding and perturbing");
        Map<DType, Double> widen = new EnumMap<>(DType.class);
        Map<DType, Double> store = new EnumMap<>(DType.class);
        Map<String, Double> z = new HashMap<>();
        try (FormProbe form = new FormProbe(workers, memory, timing, patient, effort.formed)) {
            form.measure(widen, store, z);
        }
        progress.accept("low-rank directions");
        FormRates forms = new FormRates(widen, store, z, Optional.of(thin()));
        return new ComputeRates(matmuls, attentions, forms, passes, dispatchSeconds(), 0, rounded);
    }

    private ThinRates thin() {
        try (ThinProbe probe = new ThinProbe(workers, memory, patient, effort.formed)) {
            return probe.run();
        }
    }

    /** One of the products alone. */
    double reference() {
        return matmuls(DType.F32, List.of(REFERENCE_INPUTS), List.of(REFERENCE_ROWS), patient)
                .getFirst()
                .flopsPerSecond();
    }

    /**
     * Of operands in bfloat16: fewer points, since few runs want them; none where there are none.
     */
    private List<ComputeRates.MatmulRate> roundedMatmuls() {
        return Gemm.multipliesBFloat16()
                ? matmuls(DType.BF16, everyOther(effort.inputs), everyOther(effort.rows), timing)
                : List.of();
    }

    private static List<Integer> everyOther(List<Integer> sizes) {
        return IntStream.range(0, sizes.size())
                .filter(index -> index % 2 == 0)
                .mapToObj(sizes::get)
                .toList();
    }

    private List<ComputeRates.MatmulRate> matmuls(
            DType type, List<Integer> allInputs, List<Integer> allRows, Timing timed) {
        List<ComputeRates.MatmulRate> rates = new ArrayList<>();
        int most = allRows.getLast();
        for (int inputs : allInputs) {
            try (HostSlab x = filled("x", (long) SCALES * most * inputs, type);
                    HostSlab y = filled("y", (long) SCALES * most * OUTPUTS);
                    HostSlab panels = filled("panels", panelLength(inputs), type)) {
                for (int rows : allRows) {
                    Product product = new Product(type, rows, inputs, x, y, panels);
                    double seconds = timed.seconds(product::run);
                    double flops = 2.0 * SCALES * rows * inputs * OUTPUTS;
                    rates.add(new ComputeRates.MatmulRate(rows, inputs, flops / seconds));
                }
            }
        }
        return rates;
    }

    private long panelLength(int inputs) {
        int widest = GemmTiles.of(1, OUTPUTS).columnTile();
        return (long) workers.pool().workers() * SCALES * widest * inputs;
    }

    /** A product as runs make it: each worker multiplies with a panel that lies in its cache. */
    private final class Product {
        private final DType type;
        private final int rows;
        private final int inputs;
        private final GemmTiles tiles;
        private final MemorySegment x;
        private final MemorySegment y;
        private final MemorySegment panels;

        Product(DType type, int rows, int inputs, HostSlab x, HostSlab y, HostSlab panels) {
            this.type = type;
            this.rows = rows;
            this.inputs = inputs;
            this.x = x.segment();
            this.y = y.segment();
            this.panels = panels.segment();
            tiles = GemmTiles.of(rows, OUTPUTS);
        }

        void run() {
            workers.pool().parallelFor(tiles.columnTiles(), this::panel);
        }

        private void panel(int panel, int worker) {
            int rowTiles = tiles.count() / tiles.columnTiles();
            for (int rowTile = 0; rowTile < rowTiles; rowTile++) {
                int tile = panel * rowTiles + rowTile;
                int width = tiles.columnCount(tile);
                for (int scale = 0; scale < SCALES; scale++) {
                    long row = (long) scale * rows + tiles.row(tile);
                    long weights = ((long) worker * SCALES + scale) * width * inputs;
                    workers.gemm(worker)
                            .multiply(
                                    type,
                                    tiles.rowCount(tile),
                                    width,
                                    inputs,
                                    x,
                                    row * inputs,
                                    inputs,
                                    panels,
                                    weights,
                                    Gemm.Order.OUTPUTS,
                                    inputs,
                                    null,
                                    0,
                                    false,
                                    y,
                                    row * OUTPUTS + tiles.column(tile),
                                    OUTPUTS);
                }
            }
        }
    }

    private List<ComputeRates.AttentionRate> attentions() {
        List<ComputeRates.AttentionRate> rates = new ArrayList<>();
        attention(effort.tokens.getFirst(), HEAD_SIZES[0], patient);
        for (int headSize : HEAD_SIZES) {
            for (int tokens : effort.tokens) {
                rates.add(attention(tokens, headSize, timing));
            }
        }
        return rates;
    }

    private ComputeRates.AttentionRate attention(int tokens, int headSize, Timing timed) {
        long width = (long) HEADS * headSize;
        // As many sequences as make a work item for every worker, whatever their length.
        int sequences = Math.max(1, 512 / tokens);
        long rows = (long) sequences * tokens;
        Attention.Shape shape = new Attention.Shape(HEADS, HEADS, headSize, 0.125f, 0, 0);
        int tiles = Attention.queryTiles(tokens);
        try (HostSlab projected = filled("projected", 3 * rows * width);
                HostSlab context = filled("context", rows * width)) {
            HeadRows queries = heads(projected, 0, 3 * width, headSize);
            HeadRows keys = heads(projected, width, 3 * width, headSize);
            HeadRows values = heads(projected, 2 * width, 3 * width, headSize);
            HeadRows out = heads(context, 0, width, headSize);
            double seconds =
                    timed.seconds(() ->
                            workers.pool()
                                    .parallelFor(
                                            sequences * HEADS * tiles,
                                            (item, worker) -> {
                                                long start =
                                                        (long) (item / (HEADS * tiles)) * tokens;
                                                int head = item / tiles % HEADS;
                                                workers.attention(worker)
                                                        .run(
                                                                shape,
                                                                queries,
                                                                start,
                                                                keys,
                                                                values,
                                                                start,
                                                                out,
                                                                0,
                                                                tokens,
                                                                head,
                                                                item % tiles);
                                            }));
            Operation.Attend work =
                    new Operation.Attend(tokens, headSize, (long) HEADS * sequences);
            return new ComputeRates.AttentionRate(tokens, headSize, work.flops() / seconds);
        }
    }

    private static HeadRows heads(HostSlab slab, long offset, long rowStride, long headStride) {
        return new HeadRows(slab.segment(), offset, rowStride, headStride);
    }

    private Map<Operation.Kind, Double> passes() {
        Map<Operation.Kind, Double> seconds = new EnumMap<>(Operation.Kind.class);
        long floats = (long) PASS_ROWS * PASS_WIDTH;
        try (HostSlab in = filled("in", floats);
                HostSlab out = filled("out", floats)) {
            seconds.put(Operation.Kind.NORM, norm(in.segment(), out.segment()));
            MemorySegment x = in.segment();
            MemorySegment y = out.segment();
            seconds.put(
                    Operation.Kind.RELU,
                    perElement((from, rows) ->
                            Activations.apply(
                                    Activation.RELU, x, at(from), y, at(from), at(rows))));
            seconds.put(
                    Operation.Kind.ACTIVATION,
                    perElement((from, rows) ->
                            Activations.gated(
                                    Activation.SILU,
                                    x,
                                    at(from),
                                    x,
                                    at(from),
                                    y,
                                    at(from),
                                    at(rows))));
            seconds.put(
                    Operation.Kind.COPY,
                    perElement((from, rows) -> Rows.copy(x, at(from), y, at(from), at(rows))));
            seconds.put(Operation.Kind.ROTARY, rotary(y));
            seconds.put(Operation.Kind.LOSS, loss(x));
        }
        return seconds;
    }

    private double norm(MemorySegment x, MemorySegment y) {
        NormSpec norm = new NormSpec(NormSpec.Kind.LAYER, "w", "b", PASS_WIDTH, 1e-5f, 0);
        try (HostSlab vector = filled("vector", PASS_WIDTH)) {
            MemorySegment weights = vector.segment();
            return perElement((from, rows) ->
                    Norms.apply(
                            norm,
                            x,
                            at(from),
                            PASS_WIDTH,
                            weights,
                            0,
                            weights,
                            0,
                            y,
                            at(from),
                            PASS_WIDTH,
                            rows));
        }
    }

    private double rotary(MemorySegment y) {
        RopeSpec rope = new RopeSpec(PANEL, Collections.nCopies(PANEL / 2, SMALL), 1);
        int[] positions = new int[PASS_ROWS];
        try (HostSlab table = filled("table", RotaryTable.tableFloats(rope, PASS_ROWS))) {
            return perElement((from, rows) ->
                    Rotary.apply(
                            rope,
                            table.segment(),
                            0,
                            PASS_ROWS,
                            positions,
                            from,
                            from + rows,
                            y,
                            0,
                            PASS_WIDTH,
                            PANEL,
                            PASS_WIDTH / PANEL));
        }
    }

    private double loss(MemorySegment x) {
        int panels = PASS_WIDTH / PANEL;
        int[] targets = new int[PASS_ROWS];
        try (HostSlab partials = filled("partials", Loss.partialFloats(PASS_ROWS, panels))) {
            return perElement((from, rows) -> {
                for (int panel = 0; panel < panels; panel++) {
                    Loss.reducePanel(
                            x,
                            at(from) + (long) panel * PANEL,
                            PASS_WIDTH,
                            from,
                            rows,
                            panel * PANEL,
                            PANEL,
                            0,
                            targets,
                            partials.segment(),
                            0,
                            panel,
                            PASS_ROWS);
                }
            });
        }
    }

    private interface RowWork {
        void run(int from, int rows);
    }

    private static long at(int row) {
        return (long) row * PASS_WIDTH;
    }

    private double perElement(RowWork work) {
        int each = 8; // rows of a task: 16 Ki floats, as runs share them out
        double seconds =
                patient.seconds(() ->
                        workers.pool()
                                .parallelFor(
                                        PASS_ROWS / each,
                                        (task, worker) -> work.run(task * each, each)));
        return seconds / ((double) PASS_ROWS * PASS_WIDTH);
    }

    private double dispatchSeconds() {
        int tasks = workers.pool().workers();
        double seconds =
                timing.seconds(() -> {
                    for (int i = 0; i < DISPATCHES; i++) {
                        workers.pool().parallelFor(tasks, (task, worker) -> {});
                    }
                });
        return seconds / DISPATCHES;
    }

    private HostSlab filled(String purpose, long floats) {
        return filled(purpose, floats, DType.F32);
    }

    private HostSlab filled(String purpose, long elements, DType type) {
        HostSlab slab = memory.allocate("probed " + purpose, elements * type.sizeBytes());
        for (long at = 0; at < elements; at++) {
            float value = SMALL * (at % 7 - 3);
            if (type == DType.F32) {
                slab.segment().setAtIndex(ValueLayout.JAVA_FLOAT, at, value);
            } else {
                short upper = (short) (Float.floatToRawIntBits(value) >>> 16);
                slab.segment().setAtIndex(ValueLayout.JAVA_SHORT, at, upper);
            }
        }
        return slab;
    }

    @Override
    public void close() {
        workers.close();
    }
}
