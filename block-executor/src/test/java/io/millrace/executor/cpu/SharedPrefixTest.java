package io.millrace.executor.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Golden;
import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.companion.Companions;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.objective.LossSink;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.executor.step.Variants;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.participation.ActiveParts;
import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.update.MezoSgd;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockLease;
import io.millrace.prefetch.VisitPlan;
import io.millrace.telemetry.SpanRecorder;
import io.millrace.telemetry.json.JsonObject;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What comes before the first block with a part in a step runs once, and to the same bits. */
class SharedPrefixTest {
    private static final int LAYERS = 4;
    private static final float EPS = 1e-2f;
    private static final List<Query> QUERIES =
            List.of(
                    Query.AT_THETA,
                    new Query(9, List.of(EPS, -EPS)),
                    new Query(10, List.of(EPS, -EPS)));
    private static final int SCALES = 5;

    private final Random random = new Random(23);
    private final OwnedResources owned = new OwnedResources();
    private final Map<String, Integer> products = new TreeMap<>();

    @AfterEach
    void close() {
        owned.close();
    }

    static Stream<Arguments> directions() {
        // A product of low rank takes the rows of all scales at once, and so in another order:
        // vectors alone are trained where bits are compared.
        return Stream.of(
                Arguments.of(new GaussianDirection(), ""),
                Arguments.of(new LowRankDirection(3, 2, 4), "norm"));
    }

    @ParameterizedTest
    @MethodSource("directions")
    void runsOnceAndToTheSameBits(Direction direction, String trained) {
        ModelProgram program = program();
        ModelLayout layout =
                ModelLayout.of(program, DType.F32).training(name -> name.contains(trained));
        List<MicroBatch> batches = List.of(batch(program, 5), batch(program, 3));
        DecoderForward forward = forward(program, layout, direction);
        LossSink together = losses(forward, layout, batches, QUERIES);
        assertThat(products).isNotEmpty();
        products.forEach((name, scales) ->
                assertThat(scales)
                        .as(name)
                        .isEqualTo(
                                2
                                        * (name.contains("layers.0.") || name.contains("layers.1.")
                                                ? 1
                                                : SCALES)));
        for (int query = 0; query < QUERIES.size(); query++) {
            Query asked = QUERIES.get(query);
            for (int scale = 0; scale < asked.scales().size(); scale++) {
                Query alone = new Query(asked.seed(), List.of(asked.scales().get(scale)));
                double[] expected = losses(forward, layout, batches, List.of(alone)).of(0, 0);
                assertThat(together.of(query, scale))
                        .as("%s", alone)
                        .containsExactly(expected)
                        .doesNotContain(0);
            }
        }
        assertThat(together.of(1, 0)).isNotEqualTo(together.of(1, 1));
    }

    private LossSink losses(
            DecoderForward forward,
            ModelLayout layout,
            List<MicroBatch> batches,
            List<Query> queries) {
        products.clear();
        UpdateLog updates = new UpdateLog(new MezoSgd(), new ThirdLayer(), layout.parts());
        LossSink sink = new LossSink();
        sink.prepare(queries, MicroBatches.headRowCount(batches));
        forward.run(ForwardRequest.step(1, 1, List.of(batches), queries, updates), sink);
        return sink;
    }

    private DecoderForward forward(ModelProgram program, ModelLayout layout, Direction direction) {
        ScratchSize size =
                ScratchSize.batches(
                        2,
                        1,
                        5,
                        new Questions(
                                List.of(new Questions.Group(1, 1), new Questions.Group(2, 2)), 2));
        Arithmetic arithmetic =
                new Arithmetic(direction, false, false, Rounding.NEAREST, 1, Matmul.NATIVE);
        HostMemory memory = new HostMemory(Ledger.unlimited());
        CpuWorkers workers = owned.own(new CpuWorkers(2));
        WeightPasses passes =
                owned.own(new PassesPlan(arithmetic, size).open(workers.pool(), layout, memory));
        Scratch scratch =
                owned.own(
                        new Scratch(
                                memory,
                                program,
                                size,
                                ScratchPlan.of(program, size, 2, DType.F32)));
        List<MemorySegment> blocks = new ArrayList<>();
        layout.blocks()
                .forEach(block ->
                        blocks.add(
                                filled(
                                        owned.own(memory.allocate("block", block.sizeBytes()))
                                                .segment())));
        return new DecoderForward(
                layout,
                new Engine.Place(null, memory, memory, new Still(blocks), new SpanRecorder()),
                scratch,
                new Counting(passes, products),
                workers,
                Companions.none(),
                Optional.empty(),
                new OwnedResources());
    }

    private static ModelProgram program() {
        Map<String, Object> fields = new LinkedHashMap<>(Golden.json("llama/config.json").fields());
        fields.put("num_hidden_layers", (long) LAYERS);
        return NamedArchitectures.program(ModelConfig.of("config.json", new JsonObject(fields)));
    }

    private MicroBatch batch(ModelProgram program, int rows) {
        int[] all = new int[rows];
        for (int row = 0; row < rows; row++) {
            all[row] = row;
        }
        return new MicroBatch(
                random.ints(rows, 0, program.vocabSize()).toArray(),
                Sequences.fresh(new int[] {0, rows}),
                all,
                random.ints(rows, 0, program.vocabSize()).toArray());
    }

    private MemorySegment filled(MemorySegment bytes) {
        for (long i = 0; i < bytes.byteSize() / Float.BYTES; i++) {
            bytes.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian() / 8);
        }
        return bytes;
    }

    /** One layer, and no end. */
    private record ThirdLayer() implements Participation {
        @Override
        public String name() {
            return "third";
        }

        @Override
        public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
            BitSet third = new BitSet();
            third.set(2);
            return new ActiveParts(false, third, false);
        }
    }

    /** Blocks that stay where they are. */
    private record Still(List<MemorySegment> blocks) implements BlockFeed {
        @Override
        public void begin(VisitPlan plan, VisitPlan next) {
            // All are there.
        }

        @Override
        public BlockLease acquire(int block) {
            return new Held(blocks.get(block));
        }

        @Override
        public void close() {
            // Their owner closes them.
        }
    }

    private record Held(MemorySegment weights) implements BlockLease {
        @Override
        public long foldedThrough() {
            return 0;
        }

        @Override
        public void markFolded(long throughStep, boolean changed) {
            throw new AssertionError("nothing is to be folded");
        }

        @Override
        public void close() {
            // Nobody waits for it.
        }
    }

    /** Counts for how many scales each matrix is multiplied with. */
    private record Counting(WeightPasses passes, Map<String, Integer> products)
            implements WeightPasses {
        @Override
        public WorkerPool pool() {
            return passes.pool();
        }

        @Override
        public int foldEvery() {
            return passes.foldEvery();
        }

        @Override
        public TensorForm form(HostVisit visit, int tensor, List<Query> queries, boolean store) {
            return passes.form(visit, tensor, queries, store);
        }

        @Override
        public void fold(HostVisit visit, int tensor) {
            passes.fold(visit, tensor);
        }

        @Override
        public LinearProgram linear(CpuWorkers workers, Scratch scratch) {
            LinearProgram linear = passes.linear(workers, scratch);
            return new LinearProgram() {
                @Override
                public void run(
                        FormedWeights weights,
                        LinearSpec spec,
                        Variants x,
                        Variants y,
                        int rows,
                        boolean accumulate) {
                    products.merge(spec.weight(), weights.scaleCount(), Integer::sum);
                    linear.run(weights, spec, x, y, rows, accumulate);
                }

                @Override
                public void runInPanels(
                        FormedWeights weights,
                        LinearSpec spec,
                        Variants x,
                        int rows,
                        TileConsumer consumer) {
                    products.merge(spec.weight(), weights.scaleCount(), Integer::sum);
                    linear.runInPanels(weights, spec, x, rows, consumer);
                }
            };
        }

        @Override
        public void close() {
            passes.close();
        }
    }
}
