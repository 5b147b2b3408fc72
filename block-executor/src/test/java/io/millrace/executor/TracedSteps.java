package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.GradientSteps;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.TurnCounts;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.participation.ActiveParts;
import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.random.SplitMix64;
import io.millrace.telemetry.json.JsonObject;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongToDoubleFunction;
import java.util.stream.IntStream;

/**
 * What steps of a first-order method on the trained model end with, taken one by one without a run
 * around them: on the batches of {@code gradients/traces}, and with the parts of a trace.
 *
 * @param losses of each step, before its update
 * @param weights all of them after the last step, by name
 */
record TracedSteps(List<Double> losses, Map<String, float[]> weights) {
    private static final int NOT_SCORED = -100;
    private static final int LONGEST = 24;
    private static final int ROWS = 2;

    /**
     * How steps are taken.
     *
     * @param active numbers of the units of each step, 0 for both ends and n for layer n − 1; empty
     *     where all have a part
     * @param keepsStates whether units that come back go on where they left
     * @param rowsEach rows of a micro-batch
     * @param lr of a step, from 1
     */
    record Way(
            List<Set<Integer>> active,
            boolean keepsStates,
            int rowsEach,
            LongToDoubleFunction lr) {}

    /** Takes them. */
    static TracedSteps take(ArithmeticConfig arithmetic, Way way) {
        List<JsonObject> batches = GradientTrace.batches();
        Map<String, float[]> weights = new HashMap<>();
        List<Double> losses = new ArrayList<>();
        try (ModelSession session =
                ModelSession.open(Golden.path("stories260k"), arithmetic, MemoryConfig.DEFAULT)) {
            ScratchSize size =
                    ScratchSize.batches(ROWS, way.rowsEach, LONGEST, Questions.each(1, 1));
            ModelLayout layout = session.layout();
            Forward forward =
                    session.plan(
                                    size,
                                    Arithmetic.of(arithmetic),
                                    BlockOrigin.of(session.checkpoint(), layout),
                                    true)
                            .start(Optional.empty(), 1)
                            .forward();
            UpdateLog updates =
                    new UpdateLog(arithmetic.rule(), new Traced(way.active), layout.parts());
            TurnCounts turns = new TurnCounts(layout, way.keepsStates);
            for (int step = 1; step <= batches.size(); step++) {
                long seed = SplitMix64.output(arithmetic.seed(), step);
                GradientSteps.Asked asked =
                        new GradientSteps.Asked(
                                step,
                                seed,
                                batches(batches.get(step - 1), way.rowsEach),
                                updates,
                                updates.blocksOf(step, seed),
                                way.lr.applyAsDouble(step),
                                arithmetic.weightDecay(),
                                turns);
                turns.advance(step, asked.parts());
                GradientSteps.Found found = forward.gradients().run(asked);
                losses.add(found.loss());
                updates.add(record(asked, found));
            }
            forward.fold(
                    updates,
                    ForwardRequest.Folding.ALL,
                    (block, bytes) ->
                            layout.block(block)
                                    .tensors()
                                    .forEach(
                                            slot -> weights.put(slot.name(), floats(bytes, slot))));
        }
        return new TracedSteps(losses, weights);
    }

    private static StepRecord record(GradientSteps.Asked asked, GradientSteps.Found found) {
        return new StepRecord(
                asked.step(),
                asked.seed(),
                asked.lr(),
                1,
                asked.weightDecay(),
                found.loss(),
                List.of());
    }

    private record Traced(List<Set<Integer>> active) implements Participation {
        @Override
        public String name() {
            return "traced";
        }

        @Override
        public boolean isWhole() {
            return active.isEmpty();
        }

        @Override
        public ActiveParts parts(long step, long stepSeed, ModelUnits units) {
            assertThat(units.tied()).isTrue();
            Set<Integer> now = active.get((int) step - 1);
            BitSet layers = new BitSet();
            now.stream().filter(unit -> unit > 0).forEach(unit -> layers.set(unit - 1));
            // The other end comes with it, since both lie in one block.
            return new ActiveParts(now.contains(0), layers, false);
        }
    }

    private static List<MicroBatch> batches(JsonObject batch, int rowsEach) {
        List<int[]> ids = rows(batch, "input_ids");
        List<int[]> labels = rows(batch, "labels");
        List<MicroBatch> batches = new ArrayList<>();
        for (int first = 0; first < ids.size(); first += rowsEach) {
            int end = first + rowsEach;
            batches.add(batch(ids.subList(first, end), labels.subList(first, end)));
        }
        return batches;
    }

    private static List<int[]> rows(JsonObject batch, String field) {
        List<int[]> rows = new ArrayList<>();
        for (Object row : batch.array(field)) {
            rows.add(((List<?>) row).stream().mapToInt(id -> ((Number) id).intValue()).toArray());
        }
        return rows;
    }

    private static MicroBatch batch(List<int[]> ids, List<int[]> labels) {
        IntStream.Builder tokens = IntStream.builder();
        IntStream.Builder heads = IntStream.builder();
        IntStream.Builder targets = IntStream.builder();
        int[] starts = new int[ids.size() + 1];
        for (int row = 0; row < ids.size(); row++) {
            int length = ids.get(row).length;
            IntStream.of(ids.get(row)).forEach(tokens::add);
            for (int token = 1; token < length; token++) {
                int label = labels.get(row)[token];
                if (label != NOT_SCORED) {
                    heads.add(starts[row] + token - 1);
                    targets.add(label);
                }
            }
            starts[row + 1] = starts[row] + length;
        }
        return new MicroBatch(
                tokens.build().toArray(),
                Sequences.fresh(starts),
                heads.build().toArray(),
                targets.build().toArray());
    }

    private static float[] floats(MemorySegment block, TensorSlot slot) {
        return block.asSlice(slot.offsetBytes(), slot.sizeBytes()).toArray(ValueLayout.JAVA_FLOAT);
    }
}
