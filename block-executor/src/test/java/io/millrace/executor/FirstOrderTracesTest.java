package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.gradient.rule.GaLore;
import io.millrace.optim.gradient.rule.NaturalGaLore;
import io.millrace.optim.gradient.rule.Sgd;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.participation.BadamLayers;
import io.millrace.optim.participation.HiftGroups;
import io.millrace.optim.participation.LeftStates;
import io.millrace.optim.participation.LisaLayers;
import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.UnitOrder;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Twenty steps of every first-order method against loops in PyTorch: both rows of a batch in one
 * micro-batch, and each in its own; and whole runs against the same steps without a run around
 * them. {@code gradients/traces/README.md} says how far mistakes would be out of these bounds.
 */
class FirstOrderTracesTest {
    /** Its embedding is not projected; ours is, as in {@code galore-embedding-too}. */
    private static final String OTHERS = "galore";

    /** Traces whose units begin anew when they come back. */
    private static final Set<String> DROPPING = Set.of("badam", "lisa-adamw-drop");

    /** Traces of turns that a run can be told. */
    private static final Map<String, UnitOrder> TURNS =
            Map.of(
                    "hift-adamw-bottom-up", UnitOrder.BOTTOM_UP,
                    "hift-adamw-top-down", UnitOrder.TOP_DOWN,
                    "hift-adamw-groups", UnitOrder.BOTTOM_UP);

    @TempDir Path temp;

    static Stream<String> names() throws IOException {
        return GradientTraceTest.names().filter(name -> !name.equals(OTHERS));
    }

    static Stream<String> told() throws IOException {
        return names().filter(name ->
                TURNS.containsKey(name) || GradientTrace.read(name).active().isEmpty());
    }

    @ParameterizedTest
    @MethodSource("names")
    void stepsAreThoseOfTheOtherProgram(String name) throws IOException {
        GradientTrace trace = GradientTrace.read(name);
        ArithmeticConfig arithmetic = config(name, "out").build().arithmetic();
        check(trace, TracedSteps.take(arithmetic, way(name, 2, constant(trace))));
        check(trace, TracedSteps.take(arithmetic, way(name, 1, constant(trace))));
    }

    private static LongToDoubleFunction constant(GradientTrace trace) {
        return _ -> trace.settings().number("lr");
    }

    private static TracedSteps.Way way(String name, int rowsEach, LongToDoubleFunction lr) {
        return new TracedSteps.Way(
                GradientTrace.read(name).active(), !DROPPING.contains(name), rowsEach, lr);
    }

    private static void check(GradientTrace trace, TracedSteps steps) {
        trace.checkLosses(steps.losses());
        try (SafetensorsFile base =
                SafetensorsFile.open(Golden.path("stories260k").resolve("model.safetensors"))) {
            assertThat(steps.weights().keySet()).isEqualTo(base.tensors().keySet());
            for (GradientTrace.Change change : trace.changes()) {
                String tensor = change.tensor().name();
                change.check(base.readFloats(tensor), steps.weights().get(tensor));
            }
        }
    }

    /** A run adds nothing to its steps: it ends with their very bytes. */
    @ParameterizedTest
    @MethodSource("told")
    void aRunIsItsSteps(String name) throws IOException {
        GradientTrace trace = GradientTrace.read(name);
        check(turned(name, "out").build(), way(name, 2, constant(trace)));
    }

    /** Both groups of a cycle have one rate: ten cycles, of which the first two rise. */
    @Test
    void ratesOfTurnsFallByTheCycle() throws IOException {
        String name = "hift-adamw-groups";
        double lr = GradientTrace.read(name).settings().number("lr");
        TuneConfigBuilder falls = turned(name, "falls").schedule("linear");
        check(falls.build(), way(name, 2, step -> lr * (1 - Math.floorDiv(step - 1, 2) / 10.0)));
        TuneConfigBuilder rises = turned(name, "rises").schedule("linear").warmup(4);
        check(
                rises.build(),
                way(
                        name,
                        2,
                        step -> {
                            long cycle = (step - 1) / 2;
                            return cycle < 2
                                    ? lr * (cycle + 1) / 2
                                    : lr * (1 - (double) (cycle - 2) / 8);
                        }));
    }

    /** Of five layers one for two steps each; the first to have had a turn has another one. */
    @Test
    void badamBeginsALayerAnew() throws IOException {
        String name = "badam";
        List<Set<Integer>> active =
                IntStream.range(0, 20).mapToObj(step -> Set.of(5 - step / 2 % 5)).toList();
        check(
                config(name, "out").blocks("badam").method(BadamLayers.EVERY, 2).build(),
                new TracedSteps.Way(active, false, 2, constant(GradientTrace.read(name))));
    }

    @ParameterizedTest
    @EnumSource(LeftStates.class)
    void lisaKeepsOrDropsStates(LeftStates left) throws IOException {
        String name = "lisa-adamw";
        LisaLayers layers = new LisaLayers(2, 3, left, 9);
        List<Set<Integer>> active =
                LongStream.rangeClosed(1, 20)
                        .mapToObj(step ->
                                layers.parts(step, 0, new ModelUnits(5, true)).layers().stream()
                                        .map(layer -> layer + 1)
                                        .boxed()
                                        .collect(Collectors.toSet()))
                        .toList();
        active.forEach(units -> units.add(0));
        check(
                config(name, "out")
                        .blocks("lisa")
                        .seed(9)
                        .method(LisaLayers.LAYERS, 2)
                        .method(LisaLayers.EVERY, 3)
                        .method(LisaLayers.STATES, left)
                        .build(),
                new TracedSteps.Way(
                        active, left == LeftStates.KEEP, 2, constant(GradientTrace.read(name))));
    }

    private static void check(TuneConfig run, TracedSteps.Way way) {
        TracedSteps expected = TracedSteps.take(run.arithmetic(), way);
        Path out = TuningRun.run(run, RunListener.SILENT).out();
        assertThat(JournalReader.read(out.resolve("journal.jsonl")).records())
                .extracting(StepRecord::loss)
                .isEqualTo(expected.losses());
        try (SafetensorsFile tuned = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            expected.weights()
                    .forEach((name, weights) ->
                            assertThat(tuned.readFloats(name)).as(name).isEqualTo(weights));
        }
    }

    private TuneConfigBuilder turned(String name, String out) throws IOException {
        TuneConfigBuilder run = config(name, out);
        if (!TURNS.containsKey(name)) {
            return run;
        }
        List<?> groups = GradientTrace.read(name).settings().array("groups");
        return run.blocks(HiftGroups.NAME)
                .method(HiftGroups.ORDER, TURNS.get(name))
                .method(HiftGroups.GROUP, ((List<?>) groups.getFirst()).size());
    }

    /** A run of all units with a trace's numbers, where the usual ones are others. */
    private TuneConfigBuilder config(String name, String out) throws IOException {
        JsonObject settings = GradientTrace.read(name).settings();
        List<Object> ids = new ArrayList<>();
        List<Object> labels = new ArrayList<>();
        for (JsonObject batch : GradientTrace.batches()) {
            ids.addAll(batch.array("input_ids"));
            labels.addAll(batch.array("labels"));
        }
        Path data = Golden.writeTokenised(temp.resolve("train.jsonl"), ids, labels);
        TuneConfigBuilder run =
                TuneConfig.builder(Golden.path("stories260k"), data, temp.resolve(out))
                        .optimizer(settings.string("optimizer"))
                        .lr(settings.number("lr"))
                        .weightDecay(settings.number("weight_decay"))
                        .steps(GradientTrace.batches().size())
                        .batchSize(2)
                        .shuffle(false);
        if (settings.has("momentum")) {
            run.method(Sgd.MOMENTUM, settings.number("momentum"));
        }
        if (settings.has("rank")) {
            run.method(GaLore.RANK, (int) settings.integer("rank"))
                    .method(GaLore.EVERY, (int) settings.integer("every"))
                    .method(GaLore.SCALE, settings.number("scale"));
        }
        if (settings.has("history")) {
            run.method(NaturalGaLore.HISTORY, (int) settings.integer("history"));
        }
        return run;
    }
}
