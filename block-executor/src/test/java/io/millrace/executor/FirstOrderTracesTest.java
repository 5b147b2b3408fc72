package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.GradientSteps;
import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.step.TurnCounts;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.gradient.rule.GaLore;
import io.millrace.optim.gradient.rule.Sgd;
import io.millrace.optim.option.Settings;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.participation.ActiveParts;
import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.Participation;
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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Twenty steps of every first-order method against loops in PyTorch: both rows of a batch in one
 * micro-batch, and each in its own. {@code gradients/traces/README.md} says how far mistakes would
 * be out of these bounds.
 */
class FirstOrderTracesTest {
    /** Its embedding is not projected; ours is, as in {@code galore-embedding-too}. */
    private static final String OTHERS = "galore";

    /** Traces whose units begin anew when they come back. */
    private static final Set<String> DROPPING = Set.of("badam", "lisa-adamw-drop");

    private static final int NOT_SCORED = -100;
    private static final int LONGEST = 24;

    static Stream<String> names() throws Exception {
        return GradientTraceTest.names().filter(name -> !name.equals(OTHERS));
    }

    @ParameterizedTest
    @MethodSource("names")
    void stepsAreThoseOfTheOtherProgram(String name) {
        GradientTrace trace = GradientTrace.read(name);
        check(trace, !DROPPING.contains(name), 2);
        check(trace, !DROPPING.contains(name), 1);
    }

    private static void check(GradientTrace trace, boolean keepsStates, int rowsEach) {
        List<List<MicroBatch>> batches =
                GradientTrace.batches().stream().map(batch -> batches(batch, rowsEach)).toList();
        ArithmeticConfig arithmetic = arithmetic(trace.settings());
        Map<String, float[]> tuned = new HashMap<>();
        List<Double> losses = new ArrayList<>();
        try (ModelSession session =
                ModelSession.open(
                        Golden.path("stories260k"), arithmetic, MemoryConfig.DEFAULT)) {
            ScratchSize size = ScratchSize.batches(2, rowsEach, LONGEST, Questions.each(1, 1));
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
                    new UpdateLog(arithmetic.rule(), new Traced(trace.active()), layout.parts());
            TurnCounts turns = new TurnCounts(layout, keepsStates);
            for (int step = 1; step <= batches.size(); step++) {
                GradientSteps.Asked asked =
                        asked(step, batches.get(step - 1), updates, trace.settings(), turns);
                turns.advance(step, asked.parts());
                GradientSteps.Found found = forward.gradients().run(asked);
                losses.add(found.loss());
                updates.add(record(asked, found));
            }
            forward.fold(
                    updates,
                    ForwardRequest.Folding.ALL,
                    (block, weights) ->
                            layout.block(block)
                                    .tensors()
                                    .forEach(slot -> tuned.put(slot.name(), floats(weights, slot))));
        }
        trace.checkLosses(losses);
        try (SafetensorsFile base =
                SafetensorsFile.open(Golden.path("stories260k").resolve("model.safetensors"))) {
            assertThat(tuned.keySet()).isEqualTo(base.tensors().keySet());
            for (GradientTrace.Change change : trace.changes()) {
                String tensor = change.tensor().name();
                change.check(base.readFloats(tensor), tuned.get(tensor));
            }
        }
    }

    private static GradientSteps.Asked asked(
            long step,
            List<MicroBatch> batches,
            UpdateLog updates,
            JsonObject settings,
            TurnCounts turns) {
        return new GradientSteps.Asked(
                step,
                step,
                batches,
                updates,
                updates.blocksOf(step, step),
                settings.number("lr"),
                settings.number("weight_decay"),
                turns);
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

    /** The method with the trace's own numbers, where the usual ones are others. */
    private static ArithmeticConfig arithmetic(JsonObject settings) {
        Settings told = Settings.NONE.with(Optimizers.KINDS.naming(), settings.string("optimizer"));
        if (settings.has("momentum")) {
            told = told.with(Sgd.MOMENTUM, settings.number("momentum"));
        }
        if (settings.has("rank")) {
            told =
                    told.with(GaLore.RANK, (int) settings.integer("rank"))
                            .with(GaLore.EVERY, (int) settings.integer("every"))
                            .with(GaLore.SCALE, settings.number("scale"));
        }
        return new ArithmeticConfig(told);
    }

    /**
     * The units that a trace names: 0 is both ends, and n the layer n − 1.
     *
     * @param active of each step; empty where all have a part
     */
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
        return batch.array(field).stream()
                .map(row ->
                        ((List<?>) row)
                                .stream().mapToInt(id -> ((Number) id).intValue()).toArray())
                .toList();
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
        return block.asSlice(slot.offsetBytes(), slot.sizeBytes())
                .toArray(ValueLayout.JAVA_FLOAT);
    }
}
