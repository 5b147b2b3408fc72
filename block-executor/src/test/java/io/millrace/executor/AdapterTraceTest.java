package io.millrace.executor;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.adapter.TensorTrainKind;
import io.millrace.executor.adapter.VirtualKind;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.quantized.RoundedModels;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Twenty steps on an adapter of each kind against those of another program. */
class AdapterTraceTest {
    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama",
                "opt",
                "phi3",
                "nf4-llama",
                "int4-llama",
                "ia3-llama",
                "ia3-opt",
                "prompt-llama",
                "prompt-opt",
                "prefix-llama",
                "prefix-opt",
                "tt-llama",
                "tt-opt"
            })
    void aRunIsTheOtherPrograms(String name) throws IOException {
        JsonObject trace = Golden.json("adapter-trace/trace-" + name + ".json");
        String model =
                trace.object("settings").string("base", name.substring(name.indexOf('-') + 1));
        List<Object> rows = new ArrayList<>();
        trace.array("batches").forEach(batch -> rows.addAll((List<?>) batch));
        Path data = Golden.writeTokenised(temp.resolve("train.jsonl"), rows, rows);
        Path out = temp.resolve("out");
        TuningRun.run(
                config(base(model, trace.object("settings")), trace.object("settings"), data, out)
                        .build(),
                RunListener.SILENT);
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

    /** A golden model, or what becomes of it when its products are rounded to fewer bits. */
    private Path base(String model, JsonObject settings) throws IOException {
        return settings.has("quantised")
                ? RoundedModels.write(
                        temp.resolve("base"), Golden.path(model), settings.string("quantised"))
                : Golden.path(model);
    }

    private static TuneConfigBuilder config(Path model, JsonObject settings, Path data, Path out) {
        TuneConfigBuilder run =
                TuneConfig.builder(model, data, out)
                        .batchSize(4)
                        .shuffle(false)
                        .steps(settings.integer("steps"))
                        .seed(Seeds.parse(settings.string("run_seed")))
                        .lr(settings.number("lr"))
                        .eps(settings.number("eps"))
                        .weightDecay(settings.number("weight_decay"))
                        .queries((int) settings.integer("queries"))
                        .tune(settings.string("tune"));
        return switch (settings.string("tune")) {
            case LoraKind.NAME -> lora(run, settings);
            case "prompt" ->
                    run.method(
                            VirtualKind.PROMPT.tokens(), (int) settings.integer("prompt_tokens"));
            case "prefix" ->
                    run.method(
                            VirtualKind.PREFIX.tokens(), (int) settings.integer("prefix_tokens"));
            case TensorTrainKind.NAME -> trains(run, settings);
            default -> run;
        };
    }

    /** With as many queries as the pass over the data asks for. */
    private static TuneConfigBuilder trains(TuneConfigBuilder run, JsonObject settings) {
        if (settings.number("queries_growth") > 0) {
            run.method(Estimators.QUERIES_GROWTH, settings.number("queries_growth"))
                    .method(Estimators.QUERIES_MOST, (int) settings.integer("queries_most"));
        }
        return run.method(TensorTrainKind.WIDTH, (int) settings.integer("tt_bottleneck"))
                .method(TensorTrainKind.RANK, (int) settings.integer("tt_rank"));
    }

    private static TuneConfigBuilder lora(TuneConfigBuilder run, JsonObject settings) {
        return run.method(LoraKind.RANK, (int) settings.integer("lora_rank"))
                .method(LoraKind.ALPHA, settings.number("lora_alpha"))
                .method(LoraKind.TARGETS, List.of(settings.string("lora_targets").split(",", -1)))
                .method(LoraKind.RSLORA, (Boolean) settings.raw("lora_rslora"));
    }
}
