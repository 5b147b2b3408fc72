package io.millrace.executor;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole tuning runs against PyTorch's: losses, slopes and final weights. */
class GoldenTraceTest {
    // Five to ten times what rounding alone moves; data/README gives the measured differences.
    private static final TraceCheck CHECK = new TraceCheck(1e-5, 4e-3, 1.5e-5);

    @TempDir Path temp;

    static Stream<String> folders() {
        return Golden.FOLDERS.stream();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gaussian-wd0",
                "gaussian-wd0.1",
                "gaussian-wd0-q4",
                "rademacher-wd0",
                "rademacher-wd0.1"
            })
    void reproducesTheTraceOfARealModel(String name) throws IOException {
        assumeTrue(runs(name), "left to a card: as host code it takes long");
        JsonObject trace = Golden.json("mezo-trace/trace-" + name + ".json");
        Path data = TraceCheck.batches(temp.resolve("train.jsonl"));
        List<JsonObject> weights = Golden.objects(trace.array("final_weights"));
        check(
                "stories260k",
                data,
                4,
                trace.object("settings"),
                Golden.objects(trace.array("steps")),
                weights,
                weights);
    }

    @Tag("long")
    @ParameterizedTest
    @ValueSource(strings = "rademacher-wd0.1-q3")
    void soItDoesWithMoreQueries(String name) throws IOException {
        reproducesTheTraceOfARealModel(name);
    }

    @ParameterizedTest
    @MethodSource("folders")
    void reproducesTheTracesOfEveryArchitecture(String name) throws IOException {
        JsonObject golden = Golden.json(name + "/mezo.json");
        Path data = Golden.writeBatch(name, temp.resolve("train.jsonl"));
        List<JsonObject> tensors = Golden.objects(golden.array("trainable_tensors"));
        for (String run : List.of("gaussian", "rademacher")) {
            JsonObject trace = golden.object(run);
            List<JsonObject> weights =
                    tensors.stream().map(tensor -> tensor.object("final_" + run)).toList();
            check(
                    name,
                    data,
                    2,
                    trace.object("settings"),
                    Golden.objects(trace.array("steps")),
                    tensors,
                    weights);
        }
    }

    /** Whether a trace of the real model is run. */
    boolean runs(String trace) {
        return true;
    }

    /** Where it is computed. */
    MemoryConfig memory() {
        return MemoryConfig.DEFAULT;
    }

    private void check(
            String model,
            Path data,
            int batchSize,
            JsonObject settings,
            List<JsonObject> steps,
            List<JsonObject> tensors,
            List<JsonObject> weights)
            throws IOException {
        Path out = temp.resolve("out-" + settings.string("distribution"));
        TuneConfig config =
                TuneConfig.builder(Golden.path(model), data, out)
                        .batchSize(batchSize)
                        .shuffle(false)
                        .steps(settings.integer("steps"))
                        .seed(Seeds.parse(settings.string("run_seed")))
                        .lr(settings.number("lr"))
                        .eps(settings.number("eps"))
                        .weightDecay(settings.number("weight_decay"))
                        .perturbation(settings.string("distribution"))
                        .queries((int) settings.integer("queries"))
                        .memory(memory())
                        .build();
        TuningRun.run(config, RunListener.SILENT);
        CHECK.steps(JournalReader.read(out.resolve("journal.jsonl")).records(), steps);
        try (SafetensorsFile tuned = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            for (int tensor = 0; tensor < tensors.size(); tensor++) {
                CHECK.weights(tuned, tensors.get(tensor).string("name"), weights.get(tensor));
            }
        }
    }
}
