package io.millrace.executor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.Golden;
import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.objective.LossSink;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.OneSidedEstimator;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepContext;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.update.MezoSgd;
import io.millrace.prefetch.ResidentFeed;
import io.millrace.telemetry.SpanRecorder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Queries that go through a block together beside the same queries one after another. */
class QueryGroupTest {
    private static final long SEED = 5;
    private static final int DIRECTIONS = 8;
    private static final int TOKENS = 19;

    private final LowRankDirection direction = new LowRankDirection(SEED, 3, 4);
    private final OneSidedEstimator estimator = new OneSidedEstimator(DIRECTIONS, false);

    @ParameterizedTest
    @CsvSource({"llama, false", "gpt2, false", "opt, true"})
    void answerAsTheyDoAlone(String model, boolean folds) {
        double[] alone = losses(model, 1, folds);
        assertThat(Arrays.stream(alone).distinct().count()).isEqualTo(DIRECTIONS + 1);
        for (int atOnce : new int[] {2, 5, DIRECTIONS + 1}) {
            double[] together = losses(model, atOnce, folds);
            for (int query = 0; query < alone.length; query++) {
                assertThat(together[query])
                        .as("%d at once, query %d", atOnce, query)
                        .isCloseTo(alone[query], within(1e-5));
            }
        }
    }

    @Test
    void areCutInOrderAndNeverApart() {
        Query one = new Query(1, List.of(1f));
        Query three = new Query(2, List.of(0f, 1f, -1f));
        List<Query> pass = List.of(one, one, three, one, three);
        assertThat(QueryGroup.cut(pass, 0)).hasSize(5);
        assertThat(QueryGroup.cut(pass, 3).stream().map(QueryGroup::first))
                .containsExactly(0, 2, 3, 4);
        assertThat(QueryGroup.cut(pass, 4).stream().map(QueryGroup::scaleCount))
                .containsExactly(2, 4, 3);
        assertThat(QueryGroup.cut(pass, 64)).containsExactly(new QueryGroup(0, pass));
    }

    @Test
    void areAsManyAsPayAndOneAtLeast() {
        assertThat(together(32, 64, 1000)).isEqualTo(33);
        assertThat(together(500, 16, 1000)).isEqualTo(64);
        assertThat(together(32, 1024, 1000)).isEqualTo(4);
        assertThat(together(32, 8192, 1000)).isEqualTo(1);
        assertThat(together(32, 64, 1L << 23)).isEqualTo(2);
    }

    private static int together(int directions, int rows, long sideFloats) {
        return ScratchSize.batches(1, 1, rows, new OneSidedEstimator(directions, false).questions())
                .together(sideFloats)
                .scalesAtOnce();
    }

    /** Losses of one step that follows two others. */
    private double[] losses(String model, int atOnce, boolean folds) {
        ModelProgram program =
                NamedArchitectures.program(
                        ModelConfig.of("config.json", Golden.json(model + "/config.json")));
        HostMemory memory = new HostMemory(Ledger.unlimited());
        Arithmetic arithmetic =
                new Arithmetic(
                        direction, false, false, Rounding.NEAREST, folds ? 2 : 4, Matmul.NATIVE);
        UpdateLog updates = new UpdateLog(new MezoSgd());
        for (int step = 1; step <= 2; step++) {
            long seed = SplitMix64.output(SEED, step);
            updates.add(
                    new StepRecord(
                            step,
                            seed,
                            1e-3,
                            1e-3,
                            0.1,
                            1,
                            List.of(QueryResult.twoSided(seed, 1, 1, 0.5))));
        }
        try (Checkpoint checkpoint = Checkpoint.open(Golden.path(model))) {
            ModelLayout layout = checkpoint.layout(DType.F32);
            try (ResidentFeed feed =
                            new ResidentFeed(
                                    layout.blocks(),
                                    memory,
                                    (block, bytes) -> {
                                        checkpoint.readBlock(layout.block(block), bytes);
                                        return 0;
                                    });
                    Forward forward =
                            plan(program, layout, arithmetic, atOnce)
                                    .start(
                                            new Engine.Place(
                                                    null,
                                                    memory,
                                                    memory,
                                                    feed,
                                                    new SpanRecorder()))) {
                return losses(program, forward, updates);
            }
        }
    }

    private Engine.Plan plan(
            ModelProgram program, ModelLayout layout, Arithmetic arithmetic, int atOnce) {
        ScratchSize most =
                LowRankSize.together(
                        arithmetic,
                        ScratchSize.batches(2, 1, TOKENS, estimator.questions()),
                        layout);
        assertThat(most.scalesAtOnce()).isEqualTo(DIRECTIONS + 1);
        ScratchSize size =
                new ScratchSize(
                        most.batchRows(),
                        most.microBatchRows(),
                        most.scales(),
                        atOnce,
                        1,
                        most.directions(),
                        new ScratchSize.Lengths(0, most.longest(), 1),
                        1);
        return new CpuPlan(
                program,
                layout,
                ScratchPlan.of(program, size, 2, DType.F32),
                new PassesPlan(arithmetic, size),
                2,
                Optional.empty());
    }

    private double[] losses(ModelProgram program, Forward forward, UpdateLog updates) {
        long seed = SplitMix64.output(SEED, 3);
        List<Query> queries = estimator.begin(new StepContext(3, seed, 1e-2, 1e-3)).queries();
        Random random = new Random(SEED);
        List<MicroBatch> batches =
                List.of(batch(program, random, TOKENS), batch(program, random, TOKENS - 5));
        LossSink sink = new LossSink();
        sink.prepare(queries, 2 * TOKENS - 5);
        forward.run(ForwardRequest.step(3, seed, List.of(batches), queries, updates), sink);
        return IntStream.range(0, queries.size())
                .mapToDouble(query -> Arrays.stream(sink.of(query, 0)).sum())
                .toArray();
    }

    private static MicroBatch batch(ModelProgram program, Random random, int tokens) {
        return new MicroBatch(
                random.ints(tokens, 0, program.vocabSize()).toArray(),
                Sequences.fresh(new int[] {0, tokens}),
                IntStream.range(0, tokens).toArray(),
                random.ints(tokens, 0, program.vocabSize()).toArray());
    }
}
