package io.millrace.executor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.Golden;
import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.cpu.program.BlockInterpreter;
import io.millrace.executor.cpu.program.ScratchPlaces;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.executor.step.Variants;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.update.MezoSgd;
import io.millrace.prefetch.BlockLease;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A head with a bias: in its losses as in its logits, for every direction and scale. */
class HeadBiasTest {
    private static final int ROWS = 5;
    private static final Query BOTH_SIDES = new Query(9, List.of(1e-2f, -1e-2f));

    private final Random random = new Random(17);

    static Stream<Arguments> queries() {
        return Stream.of(new GaussianDirection(), new LowRankDirection(3, 2, 4))
                .flatMap(direction ->
                        Stream.of(
                                Arguments.of(direction, Query.AT_THETA),
                                Arguments.of(direction, BOTH_SIDES)));
    }

    @ParameterizedTest
    @MethodSource("queries")
    void isInTheLossesAsItIsInTheLogits(Direction direction, Query query) {
        ModelProgram program = withBias();
        ModelLayout layout = ModelLayout.of(program, DType.F32);
        int block = layout.visits().getLast();
        int scales = query.scales().size();
        ScratchSize size = ScratchSize.batches(1, 1, ROWS, Questions.each(1, scales));
        Arithmetic arithmetic =
                new Arithmetic(direction, false, false, Rounding.NEAREST, 1, Matmul.NATIVE);
        HostMemory memory = new HostMemory(Ledger.unlimited());
        try (CpuWorkers workers = new CpuWorkers(2);
                HostSlab bytes = memory.allocate("block", layout.block(block).sizeBytes());
                HostSlab slab = memory.allocate("logits", 4L * scales * 64 * program.vocabSize());
                WeightPasses passes =
                        new PassesPlan(arithmetic, size).open(workers.pool(), layout, memory)) {
            Scratch scratch =
                    new Scratch(memory, program, size, ScratchPlan.of(program, size, 2, DType.F32));
            try {
                fill(bytes.segment());
                MicroBatch batch = batch(program);
                Variants hidden = scratch.hidden(0, 0);
                for (int scale = 0; scale < scales; scale++) {
                    fill(hidden.of(scale), (long) ROWS * program.hiddenSize());
                }
                HostVisit visit =
                        new HostVisit(
                                new Held(bytes.segment()),
                                layout.block(block),
                                request(batch, query),
                                1,
                                true);
                Variants logits =
                        new Variants(
                                new Floats(slab.segment(), 0),
                                64L * program.vocabSize(),
                                program.vocabSize());
                LinearProgram linear = passes.linear(workers, scratch);
                BlockInterpreter interpreter =
                        new BlockInterpreter(
                                workers, scratch, linear, Optional.empty(), Optional.empty());
                FormedWeights weights =
                        new FormedWeights(visit, List.of(query), query.isStill(), passes);
                int place = layout.visits().size() - 1;
                QueryGroup group = new QueryGroup(0, List.of(query));
                Answers asked = new Answers(logits);
                interpreter.run(
                        scratch.schedule(place),
                        new BlockFrame(
                                place,
                                weights,
                                batch,
                                new ScratchPlaces(
                                        place,
                                        0,
                                        hidden,
                                        Optional.empty(),
                                        Optional.empty(),
                                        scratch),
                                new BlockFrame.Answer(asked, group, 0, 0, 0)),
                        () -> {});
                Answers losses = new Answers(null);
                interpreter.run(
                        scratch.schedule(place),
                        new BlockFrame(
                                place,
                                weights,
                                batch,
                                new ScratchPlaces(
                                        place,
                                        0,
                                        hidden,
                                        Optional.empty(),
                                        Optional.empty(),
                                        scratch),
                                new BlockFrame.Answer(losses, group, 0, 0, 0)),
                        () -> {});
                if (query.equals(Query.AT_THETA)) {
                    assertThat(asked.logit(0, 2, 7))
                            .isCloseTo(byHand(visit, program, hidden, 2, 7), within(1e-3));
                }
                assertSame(losses, asked, batch, scales);
            } finally {
                scratch.close();
            }
        }
    }

    private static ForwardRequest request(MicroBatch batch, Query query) {
        return ForwardRequest.step(
                1, 1, List.of(List.of(batch)), List.of(query), new UpdateLog(new MezoSgd()));
    }

    private static void assertSame(Answers losses, Answers logits, MicroBatch batch, int scales) {
        for (int scale = 0; scale < scales; scale++) {
            for (int row = 0; row < ROWS; row++) {
                assertThat(losses.losses.get(scale)[row])
                        .isCloseTo(logits.loss(scale, row, batch.targets()[row]), within(1e-4));
            }
        }
    }

    /** A model without a norm at its end, whose logits have a bias. */
    private static ModelProgram withBias() {
        ModelProgram program =
                NamedArchitectures.program(
                        ModelConfig.of("config.json", Golden.json("llama/config.json")));
        int width = program.hiddenSize();
        Value in = Value.stream("hidden", width);
        Value rows = Value.headStates("rows", width);
        LinearSpec logits =
                new LinearSpec("head.weight", "head.bias", width, program.vocabSize(), false);
        return new ModelProgram(
                program.modelType(),
                program.vocabSize(),
                width,
                program.maxPositions(),
                program.embedding(),
                program.layers(),
                new BlockProgram(
                        "head",
                        Optional.of(in),
                        List.of(new Op.Copy(in, rows), new Op.Score(logits, 0, rows))));
    }

    private MicroBatch batch(ModelProgram program) {
        int[] rows = new int[ROWS];
        for (int row = 0; row < ROWS; row++) {
            rows[row] = row;
        }
        return new MicroBatch(
                random.ints(ROWS, 0, program.vocabSize()).toArray(),
                Sequences.fresh(new int[] {0, ROWS}),
                rows,
                random.ints(ROWS, 0, program.vocabSize()).toArray());
    }

    private static double byHand(
            HostVisit visit, ModelProgram program, Variants hidden, int row, int id) {
        int width = program.hiddenSize();
        Floats matrix = plain(visit, "head.weight");
        double sum = get(plain(visit, "head.bias"), id);
        for (int i = 0; i < width; i++) {
            sum +=
                    (double) get(matrix, (long) id * width + i)
                            * get(hidden.of(0), (long) row * width + i);
        }
        return sum;
    }

    private static Floats plain(HostVisit visit, String name) {
        int tensor = visit.indexOf(name);
        return new Floats(visit.stored(tensor).bytes(), visit.slot(tensor).offsetBytes() / 4);
    }

    private void fill(MemorySegment bytes) {
        fill(new Floats(bytes, 0), bytes.byteSize() / Float.BYTES);
    }

    private void fill(Floats place, long count) {
        for (long i = 0; i < count; i++) {
            place.segment()
                    .setAtIndex(
                            ValueLayout.JAVA_FLOAT,
                            place.start() + i,
                            (float) random.nextGaussian());
        }
    }

    private static float get(Floats floats, long index) {
        return floats.segment().getAtIndex(ValueLayout.JAVA_FLOAT, floats.start() + index);
    }

    /** A block that stays where it is. */
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

    /** Logits where there is a place for them, else losses. */
    private static final class Answers implements HeadSink {
        private final Variants place;
        private final List<double[]> losses = new ArrayList<>();

        private Answers(Variants place) {
            this.place = place;
        }

        @Override
        public boolean wantsLogits() {
            return place != null;
        }

        @Override
        public Variants logits(int query, int microBatch) {
            return place;
        }

        @Override
        public void losses(int query, int scale, int microBatch, double[] each, int count) {
            losses.add(each.clone());
        }

        private double logit(int scale, int row, int id) {
            return get(place.of(scale), row * place.rowStride() + id);
        }

        /** Cross-entropy of a row of logits, in double. */
        private double loss(int scale, int row, int target) {
            double sum = 0;
            for (int id = 0; id < place.rowStride(); id++) {
                sum += Math.exp(logit(scale, row, id) - logit(scale, row, target));
            }
            return Math.log(sum);
        }
    }
}
