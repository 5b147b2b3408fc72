package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.panels.PanelledArchitecture;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Runs that only read a large table of an embedding: of that they read the rows that they look up,
 * and end with the bytes of runs that have it in memory.
 */
class RowTableRunsTest {
    private static final int TILES_END = 128; // of the vocabulary of 320 that models here have
    private static final int HIDDEN = 64;

    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({"llama, lora", "qwen2, lora", "qwen2, norms"})
    void makesTheBytesOfARunThatReadsAll(String kind, String tune) throws IOException {
        Path model = Runs.model(temp.resolve("model"), kind, "BF16", 2, HIDDEN, 96);
        Path data = Runs.data(temp, 77, 10);
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut"), TILES_END);
        MethodRuns.Method method = run -> run.tune(tune).steps(4).microBatch(2);
        Path one = Files.createDirectory(temp.resolve("one"));
        Path whole = new MethodRuns(one, model, data).run("out", method, MemoryConfig.DEFAULT);
        MethodRuns runs = new MethodRuns(temp, cut, data);
        Path memory = runs.run("memory", method, MemoryConfig.DEFAULT);
        Map<String, byte[]> expected = Runs.result(memory);
        for (String file : List.of("adapter_model.safetensors", "model.safetensors")) {
            if (Files.exists(whole.resolve(file))) {
                assertThat(Files.mismatch(whole.resolve(file), memory.resolve(file))).isEqualTo(-1);
            }
        }
        assertThat(steps(memory)).isEqualTo(steps(whole));

        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
        Path streamed = runs.run("streamed", method, Runs.host(DeviceName.CPU, least));
        Runs.assertSame(streamed, expected, "streamed");
        Path emulated =
                runs.run(
                        "emulated",
                        method,
                        Runs.memory(DeviceName.EMULATED, OptionalLong.of(2 * least)));
        Runs.assertSame(emulated, expected, "emulated");

        TuneConfigBuilder stopped = runs.config("resumed", method, MemoryConfig.DEFAULT);
        TuningRun.run(stopped.build(), Runs.stopAfter(2));
        TuneConfigBuilder goesOn =
                runs.config("resumed", method, Runs.host(DeviceName.CPU, least)).resume(true);
        TuningRun.run(goesOn.build(), RunListener.SILENT);
        Runs.assertSame(temp.resolve("resumed"), expected, "resumed");
    }

    @Test
    void takesRowsOfAnotherDtypeAsTheTableWouldBeTaken() throws IOException {
        Path model = Runs.model(temp.resolve("model"), "llama", "F32", 2, HIDDEN, 96);
        Path data = Runs.data(temp, 77, 10);
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut"), TILES_END);
        MethodRuns.Method method = run -> run.tune("norms").steps(2).dtype(DType.BF16);
        Path one = Files.createDirectory(temp.resolve("one"));
        Path whole = new MethodRuns(one, model, data).run("out", method, MemoryConfig.DEFAULT);
        Path rows = new MethodRuns(temp, cut, data).run("out", method, MemoryConfig.DEFAULT);
        assertThat(steps(rows)).isEqualTo(steps(whole));
        assertThat(
                        Files.mismatch(
                                whole.resolve("model.safetensors"),
                                rows.resolve("model.safetensors")))
                .isEqualTo(-1);
    }

    /** Where all blocks stay, rows are all that is read. */
    @Test
    void readsEachRowThatAStepLooksUpAndNoOther() throws IOException {
        Path model = Runs.model(temp.resolve("model"), "llama", "BF16", 2, HIDDEN, 96);
        Path data = Runs.data(temp, 77, 4); // each step has all of them
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut"), TILES_END);
        MethodRuns.Method method = run -> run.tune("lora").steps(3).microBatch(4);
        Path out = new MethodRuns(temp, cut, data).run("out", method, MemoryConfig.DEFAULT);
        Set<Long> ids = new HashSet<>();
        for (String line : Files.readAllLines(data)) {
            List<?> row = (List<?>) Json.parseObject(line).fields().get("input_ids");
            row.forEach(id -> ids.add((Long) id));
        }
        long rows = (long) ids.size() * HIDDEN * DType.BF16.sizeBytes();
        assertThat(MixtureRunsTest.read(out)).containsExactly(rows, rows, rows);
    }

    private static List<String> steps(Path out) throws IOException {
        List<String> lines = Files.readAllLines(out.resolve("journal.jsonl"));
        return lines.subList(1, lines.size());
    }
}
