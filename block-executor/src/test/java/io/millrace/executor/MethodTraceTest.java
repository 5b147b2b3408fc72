package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Recipe;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs of every method against a program that was written from docs/arithmetic.md alone. */
class MethodTraceTest {
    /** What a trace calls an option, where it is there, and what the option is called. */
    private static final Map<String, String> OPTIONS =
            Map.of(
                    "estimator", "estimator",
                    "normalize", "normalize",
                    "frozen", "frozen-blocks",
                    "optimizer", "optimizer",
                    "beta", "beta");

    private static final String MAGNITUDES = "sum_of_magnitudes_of_matrices";
    private static final String MASK_FILE = "mask-file";

    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "one-sided-normalised",
                "layers-frozen-0.75",
                "zo-sign",
                "zo-adam",
                "decay-1e-9",
                "three-point",
                "population",
                "svrg",
                "queries-growth",
                "mask-magnitude",
                "hizoo",
                "helene",
                "low-rank-one-sided-normalised",
                "lozo-m",
                "members",
                "zo-muon"
            })
    void aRunIsTheOtherProgramsAndItsJournalMakesTheSameBytes(String name) throws IOException {
        check(name);
    }

    @Tag("long")
    @ParameterizedTest
    @ValueSource(
            strings = {
                "one-sided",
                "layers-frozen-0.5",
                "zo-momentum",
                "decay-1e-5",
                "conservative",
                "population-mirrored",
                "layers-frozen-ends",
                "layers-weighted",
                "mask-random",
                "mask-indices",
                "helene-layers",
                "dizo",
                "adamezo",
                "r-adazo",
                "zo-sign-scalar",
                "clip",
                "subspace",
                "tezo",
                "singular",
                "members-rank-3"
            })
    void soAreRunsOfTheirKin(String name) throws IOException {
        check(name);
    }

    private void check(String name) throws IOException {
        JsonObject trace = Golden.json("method-trace/trace-" + name + ".json");
        Path data = TraceCheck.batches(temp.resolve("train.jsonl"));
        Path out = temp.resolve("out");
        TuningRun.run(config(trace.object("settings"), data, out), RunListener.SILENT);
        TraceCheck check = TraceCheck.of(trace.object("bounds"));
        Path journal = out.resolve("journal.jsonl");
        check.steps(JournalReader.read(journal).records(), Golden.objects(trace.array("steps")));
        Path tuned = out.resolve("model.safetensors");
        try (SafetensorsFile file = SafetensorsFile.open(tuned)) {
            for (JsonObject tensor : Golden.objects(trace.array("final_weights"))) {
                check.weights(file, tensor.string("name"), tensor);
            }
            if (trace.has(MAGNITUDES)) {
                TraceCheck.magnitudes(file, trace.object(MAGNITUDES));
            }
        }
        Path replayed = temp.resolve("replayed");
        Replay.run(Golden.path("stories260k"), journal, replayed);
        assertThat(replayed.resolve("model.safetensors")).hasSameBinaryContentAs(tuned);
    }

    /** Where it is computed. */
    MemoryConfig memory() {
        return MemoryConfig.DEFAULT;
    }

    private TuneConfig config(JsonObject settings, Path data, Path out) throws IOException {
        return TuneConfig.builder(Golden.path("stories260k"), data, out)
                .batchSize(4)
                .shuffle(false)
                .steps(settings.integer("steps"))
                .seed(Seeds.parse(settings.string("run_seed")))
                .lr(settings.number("lr"))
                .eps(settings.number("eps"))
                .weightDecay(settings.number("weight_decay"))
                .perturbation(settings.string("distribution"))
                .queries((int) settings.integer("queries"))
                .memory(memory())
                .told(Recipe.read(recipe(settings)))
                .build();
    }

    private Path recipe(JsonObject settings) throws IOException {
        Map<String, Object> options = new LinkedHashMap<>();
        OPTIONS.forEach((field, option) -> {
            if (settings.has(field)) {
                options.put(option, settings.raw(field));
            }
        });
        if (settings.has("frozen")) {
            options.put("blocks", "random");
        }
        if (settings.has("options")) {
            options.putAll(settings.object("options").fields());
            options.computeIfPresent(
                    MASK_FILE,
                    (option, file) ->
                            Golden.path("method-trace").resolve((String) file).toString());
        }
        return Files.writeString(temp.resolve("recipe.json"), Json.write(options));
    }
}
