package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.millrace.executor.adapter.WindowsKind;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.AdapterExport;
import io.millrace.executor.journal.AdapterRequest;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.quantize.Quantization;
import io.millrace.executor.quantize.QuantizeConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.adapter.peft.AdapterCut;
import io.millrace.model.adapter.peft.AdapterMerge;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.quantize.QuantForms;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.option.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Windows of low-rank directions that stay beside a model: the steps that the same directions take
 * where weights are tuned, and never a written weight.
 */
class KeptWindowsTest {
    private static final int RANK = 3;
    private static final int WINDOW = 4;
    private static final int STEPS = 20;
    private static final int GROUP = 32;

    @TempDir Path temp;

    /** LOZO's own engine over what the codes stand for, which is held to an oracle elsewhere. */
    @ParameterizedTest
    @ValueSource(strings = {"none", "int4", "fp8"})
    void takeTheStepsOfDirectionsThatAreFolded(String form) throws IOException {
        Path data = Runs.data(temp, 77, 10);
        Path model = Runs.model(temp.resolve("model"), "llama", "F32", 2, 64, 96);
        Path plain = model;
        if (!form.equals("none")) {
            model = quantised(model, form);
            plain = plain(model, data);
        }
        Path folded = temp.resolve("folded");
        TuningRun.run(
                steps(Runs.config(plain, data, folded))
                        .perturbation("low-rank")
                        .rank(RANK)
                        .window(WINDOW)
                        .tune("matrices,!*embed*,!lm_head*")
                        .build(),
                RunListener.SILENT);
        Path kept = temp.resolve("kept");
        TuningRun.run(windows(Runs.config(model, data, kept)).build(), RunListener.SILENT);
        assertClose(folded, kept);

        Path exported = temp.resolve("exported");
        AdapterExport.run(
                new AdapterRequest(
                        plain,
                        folded.resolve("journal.jsonl"),
                        exported,
                        OptionalInt.empty(),
                        false));
        assertSameChange(exported, kept);
    }

    @Test
    void endWithTheSameBytesWhereverBlocksLie() throws IOException {
        Path data = Runs.data(temp, 77, 10);
        Path model =
                quantised(Runs.model(temp.resolve("model"), "llama", "BF16", 2, 64, 96), "int4");
        MethodRuns runs = new MethodRuns(temp, model, data);
        MethodRuns.Method method = run -> windows(run).steps(7);
        Map<String, byte[]> expected =
                Runs.result(runs.run("memory", method, MemoryConfig.DEFAULT));
        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
        MemoryConfig small = Runs.host(DeviceName.CPU, least);
        Runs.assertSame(runs.run("streamed", method, small), expected, "streamed");
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(runs.run("emulated", method, emulated), expected, "emulated");

        TuneConfigBuilder stopped = runs.config("resumed", method, small).checkpointEvery(2);
        assertThat(TuningRun.run(stopped.build(), Runs.stopAfter(5)).interrupted()).isTrue();
        TuneConfigBuilder goesOn =
                runs.config("resumed", method, MemoryConfig.DEFAULT)
                        .checkpointEvery(2)
                        .resume(true);
        TuningRun.run(goesOn.build(), RunListener.SILENT);
        Runs.assertSame(temp.resolve("resumed"), expected, "resumed");

        Path again = temp.resolve("again");
        Replay.run(model, temp.resolve("memory").resolve("journal.jsonl"), again);
        assertThat(Files.mismatch(weights(again), weights(temp.resolve("memory")))).isEqualTo(-1);
    }

    @Test
    void foldIntoThePlainModelThatMergeMakes() throws IOException {
        Path data = Runs.data(temp, 77, 10);
        Path model =
                quantised(Runs.model(temp.resolve("model"), "llama", "F32", 2, 64, 96), "int4");
        Path kept = temp.resolve("kept");
        TuningRun.run(windows(Runs.config(model, data, kept)).build(), RunListener.SILENT);
        Path merged = temp.resolve("merged");
        AdapterMerge.run(model, kept, merged, _ -> {});
        Path input = AdapterGenerationTest.input(temp, new long[] {3, 14, 15, 92, 6});
        float[] beside = logits(model, Optional.of(kept), input);
        float[] one = logits(merged, Optional.empty(), input);
        float[] before = logits(model, Optional.empty(), input);
        double moved = 0;
        for (int i = 0; i < one.length; i++) {
            assertThat(beside[i]).isCloseTo(one[i], within(3e-5f));
            moved = Math.max(moved, Math.abs(one[i] - before[i]));
        }
        assertThat(moved).isGreaterThan(1e-3);
    }

    /** Of factors whose rank exceeds a side the whole change is a rank of that side. */
    @Test
    void areCutToTheNearestChangeOfARank() throws IOException {
        Path data = Runs.data(temp, 77, 10);
        Path model = Runs.model(temp.resolve("model"), "llama", "F32", 2, 64, 96);
        Path kept = temp.resolve("kept");
        TuningRun.run(windows(Runs.config(model, data, kept)).build(), RunListener.SILENT);
        Path same = temp.resolve("same");
        for (AdapterCut.Matrix one : AdapterCut.run(model, kept, 100, same)) {
            assertThat(one.before()).isEqualTo(RANK * STEPS / WINDOW);
            assertThat(one.part().rank()).isEqualTo(one.before());
            assertThat(one.relativeError()).isLessThan(1e-6);
        }
        assertSameChange(same, kept);
        Path small = temp.resolve("small");
        List<AdapterCut.Matrix> cut = AdapterCut.run(model, kept, 4, small);
        try (SafetensorsFile whole = SafetensorsFile.open(weights(kept));
                SafetensorsFile less = SafetensorsFile.open(weights(small))) {
            for (AdapterCut.Matrix one : cut) {
                String first = one.part().first();
                double[] was = product(whole, first, one.part().second(), 1 / Math.sqrt(RANK));
                double[] is = product(less, first, one.part().second(), 1);
                double lost = 0;
                for (int i = 0; i < is.length; i++) {
                    lost += (is[i] - was[i]) * (is[i] - was[i]);
                }
                assertThat(Math.sqrt(lost)).isCloseTo(one.lost(), withinPercentage(0.1));
                assertThat(one.relativeError()).isBetween(0.05, 0.95);
            }
        }
    }

    @Test
    void areRefusedWhereTheyHaveNoMeaning() throws IOException {
        Path data = Runs.data(temp, 77, 10);
        Path model = Runs.model(temp.resolve("model"), "llama", "BF16", 2, 64, 96);
        assertRefused(model, data, run -> run.perturbation("rademacher"), "--perturbation");
        assertRefused(model, data, run -> run.perturbation("low-rank"), "--perturbation");
        assertRefused(model, data, run -> run.optimizer("zo-adam"), "--optimizer");
        assertRefused(model, data, run -> run.mask("random"), "--mask");
        assertRefused(model, data, run -> run.weightDecay(0.1), "--weight-decay");
        assertRefused(
                model,
                data,
                run -> run.method(WindowsKind.COUNT, 2),
                "--windows-count: 20 steps take 5 windows");
        assertRefused(
                model,
                data,
                run -> run.method(WindowsKind.RANK, 65),
                "--windows-rank: 65 exceeds a side");
        assertRefused(
                model,
                data,
                run -> run.method(WindowsKind.TARGETS, List.of("q_prog")),
                "--windows-targets");
    }

    private void assertRefused(Path model, Path data, MethodRuns.Method change, String message) {
        Path out = temp.resolve("refused");
        assertThatThrownBy(() ->
                        TuningRun.run(
                                change.apply(windows(Runs.config(model, data, out))).build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(message);
        assertThat(out).doesNotExist();
    }

    private Path quantised(Path model, String form) {
        Path quantised = temp.resolve("quantised");
        Quantization.run(
                new QuantizeConfig(
                        model,
                        QuantForms.find(form).orElseThrow(),
                        GROUP,
                        quantised,
                        Optional.empty(),
                        Optional.empty(),
                        new TaskConfig(Settings.NONE),
                        MemoryConfig.DEFAULT),
                bytes -> {});
        return quantised;
    }

    /** What the codes of a model stand for: merged with windows that have changed nothing. */
    private Path plain(Path quantised, Path data) {
        Path nothing = temp.resolve("nothing");
        TuningRun.run(
                windows(Runs.config(quantised, data, nothing)).steps(1).lr(0).build(),
                RunListener.SILENT);
        Path plain = temp.resolve("plain");
        AdapterMerge.run(quantised, nothing, plain, _ -> {});
        return plain;
    }

    private static void assertClose(Path folded, Path kept) {
        List<StepRecord> then = JournalReader.read(folded.resolve("journal.jsonl")).records();
        List<StepRecord> now = JournalReader.read(kept.resolve("journal.jsonl")).records();
        assertThat(now).hasSize(STEPS);
        double moved = Math.abs(then.getLast().loss() - then.getFirst().loss());
        assertThat(moved).isGreaterThan(1e-2);
        for (int step = 0; step < STEPS; step++) {
            assertThat(now.get(step).loss()).isCloseTo(then.get(step).loss(), within(3e-6));
            assertThat(now.get(step).meanSlope())
                    .isCloseTo(then.get(step).meanSlope(), within(3e-3));
        }
    }

    /** Of products of both factors: these are float32, and were gathered in another order. */
    private static void assertSameChange(Path exported, Path kept) {
        try (SafetensorsFile then = SafetensorsFile.open(weights(exported));
                SafetensorsFile now = SafetensorsFile.open(weights(kept))) {
            assertThat(now.tensors().keySet()).isEqualTo(then.tensors().keySet());
            for (String name : now.tensors().keySet()) {
                if (name.contains("lora_A")) {
                    String second = name.replace("lora_A", "lora_B");
                    double[] was = product(then, name, second, 1);
                    double[] is = product(now, name, second, 1 / Math.sqrt(RANK));
                    double most = Arrays.stream(was).map(Math::abs).max().orElseThrow();
                    assertThat(most).isGreaterThan(0);
                    for (int i = 0; i < is.length; i++) {
                        assertThat(is[i]).as(name).isCloseTo(was[i], within(3e-3 * most));
                    }
                }
            }
        }
    }

    private static double[] product(SafetensorsFile file, String first, String second, double by) {
        TensorInfo a = file.tensors().get(first);
        TensorInfo b = file.tensors().get(second);
        int rank = Math.toIntExact(a.shape().getFirst());
        int inputs = Math.toIntExact(a.shape().getLast());
        int outputs = Math.toIntExact(b.shape().getFirst());
        float[] left = floats(file, b);
        float[] right = floats(file, a);
        double[] product = new double[outputs * inputs];
        for (int row = 0; row < outputs; row++) {
            for (int r = 0; r < rank; r++) {
                for (int column = 0; column < inputs; column++) {
                    product[row * inputs + column] +=
                            by * left[row * rank + r] * right[r * inputs + column];
                }
            }
        }
        return product;
    }

    private static float[] floats(SafetensorsFile file, TensorInfo info) {
        float[] values = new float[Math.toIntExact(info.elementCount())];
        file.readFloats(info, 0, values, 0, values.length);
        return values;
    }

    private static Path weights(Path folder) {
        return folder.resolve("adapter_model.safetensors");
    }

    private float[] logits(Path model, Optional<Path> adapter, Path input) {
        Path output = temp.resolve("out.safetensors");
        ForwardPass.run(model, adapter, input, output, MemoryConfig.DEFAULT);
        try (SafetensorsFile file = SafetensorsFile.open(output)) {
            return floats(file, file.tensors().get("logits"));
        }
    }

    private static TuneConfigBuilder steps(TuneConfigBuilder config) {
        return config.steps(STEPS).weightDecay(0).lr(1e-4).queries(2);
    }

    private static TuneConfigBuilder windows(TuneConfigBuilder config) {
        return steps(config)
                .tune("windows")
                .method(WindowsKind.RANK, RANK)
                .method(WindowsKind.STEPS, WINDOW);
    }
}
