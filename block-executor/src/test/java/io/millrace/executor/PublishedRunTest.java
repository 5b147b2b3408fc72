package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A folder as OPT's are published: {@code pytorch_model.bin} of the base model in float16, whose
 * names lack the family's prefix. Its {@code model.safetensors} and its loss are transformers' own.
 */
class PublishedRunTest {
    private static final String GOLDEN = "opt-published";
    private static final String TORCH = "pytorch_model.bin";
    private static final String SAFETENSORS = "model.safetensors";

    @TempDir Path temp;

    @Test
    void runsOfEitherFormLeaveTheSameBytes() throws IOException {
        Path torch = form(TORCH);
        Path safetensors = form(SAFETENSORS);
        Path data = data();
        Map<String, byte[]> expected =
                Runs.result(run(safetensors, data, "expected", MemoryConfig.DEFAULT));

        Runs.assertSame(run(torch, data, "resident", MemoryConfig.DEFAULT), expected, "in memory");
        long smallest =
                Runs.smallestBudget(budget ->
                        Runs.config(torch, data, temp.resolve("probe-" + budget))
                                .memory(Runs.host(DeviceName.CPU, budget)));
        Runs.assertSame(
                run(torch, data, "streamed", Runs.host(DeviceName.CPU, smallest)),
                expected,
                "streamed");
        assertThat(expected).containsOnlyKeys("config.json", SAFETENSORS, "journal.jsonl");
    }

    @Test
    void aRunIsReplayedFromEitherForm() throws IOException {
        Path out = run(form(TORCH), data(), "out", MemoryConfig.DEFAULT);
        Path again = temp.resolve("again");

        Replay.run(form(SAFETENSORS), out.resolve("journal.jsonl"), again);

        assertThat(Files.mismatch(out.resolve(SAFETENSORS), again.resolve(SAFETENSORS)))
                .isEqualTo(-1);
    }

    @Test
    void itsLossIsTransformers() throws IOException {
        JsonObject golden = Golden.json(GOLDEN + "/io.json");
        double loss =
                Evaluation.run(
                                new EvalConfig(
                                        form(TORCH),
                                        data(),
                                        EvalConfig.Asked.of(Metric.LOSS),
                                        new TaskConfig(Settings.NONE),
                                        2,
                                        MemoryConfig.DEFAULT,
                                        Optional.empty()))
                        .loss();
        assertThat(loss).isCloseTo(golden.number("loss"), within(1e-5));
    }

    private Path run(Path model, Path data, String name, MemoryConfig memory) {
        Path out = temp.resolve(name);
        TuningRun.run(Runs.config(model, data, out).memory(memory).build(), RunListener.SILENT);
        return out;
    }

    private Path data() throws IOException {
        List<?> ids = Golden.json(GOLDEN + "/io.json").array("input_ids");
        return Golden.writeTokenised(temp.resolve("ids.jsonl"), ids, ids);
    }

    /** The golden folder with its weights in one form alone. */
    private Path form(String weights) throws IOException {
        Path model = temp.resolve(weights);
        if (!Files.exists(model)) {
            Files.createDirectory(model);
            for (String name : List.of("config.json", weights)) {
                Files.copy(Golden.path(GOLDEN).resolve(name), model.resolve(name));
            }
        }
        return model;
    }
}
