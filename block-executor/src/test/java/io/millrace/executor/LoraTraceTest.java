package io.millrace.executor;

import io.millrace.executor.config.LoraOptions;
import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Twenty steps on a LoRA against those of another program, with PEFT's own layers. */
class LoraTraceTest {
    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"llama", "opt"})
    void aRunIsTheOtherPrograms(String model) throws IOException {
        JsonObject trace = Golden.json("lora-trace/trace-" + model + ".json");
        List<Object> rows = new ArrayList<>();
        trace.array("batches").forEach(batch -> rows.addAll((List<?>) batch));
        Path data = Golden.writeTokenised(temp.resolve("train.jsonl"), rows, rows);
        Path out = temp.resolve("out");
        TuningRun.run(
                config(model, trace.object("settings"), data, out).build(), RunListener.SILENT);
        TraceCheck check = TraceCheck.of(trace.object("bounds"));
        check.steps(
                JournalReader.read(out.resolve("journal.jsonl")).records(),
                Golden.objects(trace.array("steps")));
        try (SafetensorsFile file =
                SafetensorsFile.open(out.resolve("adapter_model.safetensors"))) {
            for (JsonObject tensor : Golden.objects(trace.array("final_weights"))) {
                check.weights(file, tensor.string("name"), tensor);
            }
        }
    }

    private static TuneConfigBuilder config(
            String model, JsonObject settings, Path data, Path out) {
        return TuneConfig.builder(Golden.path(model), data, out)
                .batchSize(4)
                .shuffle(false)
                .steps(settings.integer("steps"))
                .seed(Seeds.parse(settings.string("run_seed")))
                .lr(settings.number("lr"))
                .eps(settings.number("eps"))
                .weightDecay(settings.number("weight_decay"))
                .queries((int) settings.integer("queries"))
                .tune(settings.string("tune"))
                .method(LoraOptions.RANK, (int) settings.integer("lora_rank"))
                .method(LoraOptions.ALPHA, settings.number("lora_alpha"))
                .method(
                        LoraOptions.TARGETS,
                        List.of(settings.string("lora_targets").split(",", -1)))
                .method(LoraOptions.RSLORA, (Boolean) settings.raw("lora_rslora"));
    }
}
