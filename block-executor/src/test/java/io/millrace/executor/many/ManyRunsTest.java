package io.millrace.executor.many;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.step.DivergedException;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.estimate.Estimators;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters that share passes are, byte for byte, those of runs of their own. */
class ManyRunsTest {
    private static final String ADAPTER = "adapter_model.safetensors";
    private static final ManyListener SILENT = _ -> RunListener.SILENT;

    @TempDir Path temp;
    private Path model;
    private Path first;
    private Path second;
    private List<UnaryOperator<TuneConfigBuilder>> differences;

    @BeforeEach
    void write() throws IOException {
        model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 8, 192, 512);
        first = Runs.data(temp, 81, 10);
        second = Runs.data(temp, 82, 7);
        differences =
                List.of(
                        run -> run.seed(1),
                        run -> run.seed(1).lr(3e-2).queries(1),
                        run ->
                                run.seed(2)
                                        .lr(0.3)
                                        .method(LoraKind.TARGETS, List.of("all-linear"))
                                        .method(LoraKind.RANK, 3)
                                        .steps(6),
                        run ->
                                run.optimizer("zo-adam")
                                        .estimator("conservative")
                                        .queries(1)
                                        .foldEvery(2)
                                        .batchSize(3)
                                        .microBatch(2),
                        run ->
                                run.estimator("one-sided")
                                        .method(Estimators.NORMALIZE, true)
                                        .perturbation("rademacher")
                                        .queries(5)
                                        .blocks("random"));
    }

    /** Every other run is of other data, and some evaluate. */
    private TuneConfigBuilder config(int run, Path out, MemoryConfig memory) {
        TuneConfigBuilder all =
                Runs.config(model, run % 2 == 0 ? first : second, out)
                        .tune("lora")
                        .steps(4)
                        .lr(1e-2)
                        .memory(memory);
        if (run == 2) {
            all.eval(second).evalEvery(2).keep(Keep.BEST);
        }
        return differences.get(run).apply(all);
    }

    private List<TuneConfig> configs(String out, MemoryConfig memory, boolean resumes) {
        List<TuneConfig> configs = new ArrayList<>();
        for (int run = 0; run < differences.size(); run++) {
            Path folder = temp.resolve(out).resolve(Integer.toString(run));
            boolean goesOn = resumes && Files.exists(folder.resolve("journal.jsonl"));
            configs.add(config(run, folder, memory).resume(goesOn).build());
        }
        return configs;
    }

    private List<Map<String, byte[]>> alone() throws IOException {
        List<Map<String, byte[]>> results = new ArrayList<>();
        for (int run = 0; run < differences.size(); run++) {
            Path out = temp.resolve("alone" + run);
            TuningRun.run(config(run, out, MemoryConfig.DEFAULT).build(), RunListener.SILENT);
            results.add(Runs.result(out));
            assertThat(results.getLast()).containsKey(ADAPTER);
        }
        return results;
    }

    private void requireSame(String out, List<Map<String, byte[]>> expected) throws IOException {
        for (int run = 0; run < expected.size(); run++) {
            Path folder = temp.resolve(out).resolve(Integer.toString(run));
            Runs.assertSame(folder, expected.get(run), out + " " + run);
        }
    }

    private void run(String out, MemoryConfig memory, boolean resumes) {
        List<ManyRuns.Outcome> ends = ManyRuns.run(configs(out, memory, resumes), SILENT);
        assertThat(ends).hasSize(differences.size());
        assertThat(ends).allMatch(end -> end.summary().isPresent());
    }

    /** The least memory that does for all, in which they were then run: into {@code streamed}. */
    private MemoryConfig least() {
        long budget =
                Runs.smallestThatWorks(
                        bytes -> run("streamed", Runs.host(DeviceName.CPU, bytes), false));
        return Runs.host(DeviceName.CPU, budget);
    }

    @Test
    void eachIsWhatItWouldBeAlone() throws IOException {
        List<Map<String, byte[]>> expected = alone();
        run("memory", MemoryConfig.DEFAULT, false);
        requireSame("memory", expected);

        MemoryConfig least = least();
        requireSame("streamed", expected);
        // Of a block that all read, the drive has read once a pass.
        long read = bytesRead(temp.resolve("streamed/0"));
        assertThat(read).isPositive();
        TuningRun.run(config(0, temp.resolve("one"), least).build(), RunListener.SILENT);
        assertThat(read).isLessThan(2 * bytesRead(temp.resolve("one")));

        run("emulated", Runs.memory(DeviceName.EMULATED, OptionalLong.empty()), false);
        requireSame("emulated", expected);
    }

    /** Of whatever kinds; virtual tokens are rows of a run of its own. */
    @Test
    void kindsMaySharePasses() throws IOException {
        differences =
                List.of(
                        run -> run,
                        run -> run.tune("ia3").queries(1).steps(3),
                        run -> run.tune("prompt").steps(2),
                        run -> run.tune("prefix").queries(1).batchSize(3).microBatch(2));
        List<Map<String, byte[]>> expected = alone();
        run("memory", MemoryConfig.DEFAULT, false);
        requireSame("memory", expected);
        least();
        requireSame("streamed", expected);
    }

    private static long bytesRead(Path out) throws IOException {
        long bytes = 0;
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            try {
                JsonObject fields = Json.parseObject(line);
                if (fields.has("lanes")) {
                    bytes += fields.object("lanes").object("nvme-read").integer("bytes");
                    assertThat(fields.object("lanes").object("compute").number("busy_seconds"))
                            .isPositive();
                }
            } catch (JsonFormatException e) {
                throw new AssertionError(line, e);
            }
        }
        return bytes;
    }

    @Test
    void eachGoesOnFromWhereItWas() throws IOException {
        List<Map<String, byte[]>> expected = alone();
        ManyListener stopping = run -> Runs.stopAfter(1 + run % 3);
        MemoryConfig some = Runs.host(DeviceName.CPU, 64 << 20);
        assertThat(ManyRuns.run(configs("stopped", some, false), stopping))
                .allMatch(ManyRuns.Outcome::interrupted);
        run("stopped", MemoryConfig.DEFAULT, true);
        requireSame("stopped", expected);

        ManyListener cutting = run -> Runs.cutAfter(1 + run % 3);
        List<ManyRuns.Outcome> cut =
                ManyRuns.run(configs("cut", MemoryConfig.DEFAULT, false), cutting);
        assertThat(cut).allMatch(end -> end.failure().get() instanceof Runs.Cut);
        // One of them alone, and the others together.
        Path alone = temp.resolve("cut/1");
        TuningRun.run(
                config(1, alone, MemoryConfig.DEFAULT).resume(true).build(), RunListener.SILENT);
        run("cut", some, true);
        requireSame("cut", expected);
        // All are done: nothing is touched.
        assertThat(ManyRuns.run(configs("cut", MemoryConfig.DEFAULT, true), SILENT))
                .allMatch(end -> end.summary().orElseThrow().alreadyDone());
        requireSame("cut", expected);
    }

    @Test
    void oneThatFailsEndsAlone() throws IOException {
        differences = List.of(run -> run.seed(1), run -> run.seed(1).lr(1e30), run -> run.seed(2));
        List<ManyRuns.Outcome> ends =
                ManyRuns.run(configs("out", MemoryConfig.DEFAULT, false), SILENT);
        assertThat(ends.get(1).failure()).containsInstanceOf(DivergedException.class);
        for (int run : new int[] {0, 2}) {
            Path out = temp.resolve("alone" + run);
            TuningRun.run(config(run, out, MemoryConfig.DEFAULT).build(), RunListener.SILENT);
            Runs.assertSame(temp.resolve("out/" + run), Runs.result(out), "run " + run);
        }
    }

    @Test
    void oneThatIsRefusedLeavesNothingOfAny() {
        differences =
                List.of(run -> run, run -> run.method(LoraKind.RANK, 1000), run -> run.seed(2));
        assertThatThrownBy(() -> ManyRuns.run(configs("out", MemoryConfig.DEFAULT, false), SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--lora-rank");
        assertThat(temp.resolve("out")).doesNotExist();
        differences = List.of(run -> run, run -> run.seed(2));
        MemoryConfig little = Runs.host(DeviceName.CPU, 1 << 16);
        assertThatThrownBy(() -> ManyRuns.run(configs("out", little, false), SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--host-budget");
        assertThat(temp.resolve("out")).doesNotExist();
    }

    /** What a listener throws is its run's own end. */
    @Test
    void aListenerHearsOfItsRunAlone() {
        List<List<Long>> heard = List.of(new ArrayList<>(), new ArrayList<>());
        differences = List.of(run -> run.steps(3), run -> run.steps(5));
        ManyRuns.run(
                configs("out", MemoryConfig.DEFAULT, false),
                run ->
                        new RunListener() {
                            @Override
                            public void onStep(StepProgress step) {
                                heard.get(run).add(step.step());
                            }
                        });
        assertThat(heard).containsExactly(List.of(1L, 2L, 3L), List.of(1L, 2L, 3L, 4L, 5L));
    }
}
