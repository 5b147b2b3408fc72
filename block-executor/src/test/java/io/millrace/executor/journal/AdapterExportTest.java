package io.millrace.executor.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.peft.AdapterMerge;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Base + adapter is the model that a low-rank run has tuned. */
class AdapterExportTest {
    private static final String NEOX =
            """
            {"model_type": "gpt_neox", "vocab_size": 320, "hidden_size": 64,
             "intermediate_size": 128, "num_hidden_layers": 2,
             "num_attention_heads": 4, "max_position_embeddings": 64}\
            """;

    private static final double BOUND = 1e-6; // of what is added up for an element
    private static final String PREFIX = "base_model.model.";

    @TempDir Path temp;
    private Path data;
    private Path tuned;

    @BeforeEach
    void write() throws IOException {
        data = Runs.data(temp, 91, 10);
        tuned = temp.resolve("tuned");
    }

    private TuneConfigBuilder config(String model, String tune) {
        return Runs.config(model, data, tuned)
                .perturbation("low-rank")
                .window(3)
                .weightDecay(0)
                .lr(1e-3)
                .tune(tune);
    }

    private ExportedAdapter export(String model, OptionalInt rank, boolean drop, String out) {
        return AdapterExport.run(
                new AdapterRequest(
                        Golden.path(model),
                        tuned.resolve("journal.jsonl"),
                        temp.resolve(out),
                        rank,
                        drop));
    }

    private ExportedAdapter export(String model) {
        return export(model, OptionalInt.empty(), false, "adapter");
    }

    private static void run(TuneConfigBuilder config) {
        TuningRun.run(config.build(), RunListener.SILENT);
    }

    @ParameterizedTest
    @CsvSource({
        // model, tensors, rule, window, folds every, layers, windows, modules as PEFT finds them
        "llama, matrices, mezo-sgd, 3, 3, all, 3, "
                + "embed_tokens q_proj k_proj v_proj o_proj gate_proj up_proj down_proj lm_head",
        "opt, 'matrices,!*embed*', lozo-m, 3, 1, all, 3, q_proj k_proj v_proj out_proj fc1 fc2",
        "gpt2-hubnames, 'matrices,!wte*', mezo-adam, 2, 2, random, 4, wpe c_attn c_proj c_fc",
        "qwen2, '*layers.1.*q_proj.weight,*gate*', lozo-m, 50, 50, random, 1, "
                + "gate_proj model.layers.1.self_attn.q_proj"
    })
    void baseAndAdapterAreTheTunedModel(
            String model,
            String tune,
            String rule,
            int window,
            int foldEvery,
            String layers,
            int windows,
            String modules)
            throws IOException {
        run(config(model, tune).optimizer(rule).window(window).foldEvery(foldEvery).blocks(layers));
        ExportedAdapter adapter = export(model);
        assertThat(adapter.windows()).isEqualTo(windows);
        assertThat(adapter.rank()).isEqualTo(2 * windows);
        assertThat(adapter.dropped()).isEmpty();
        JsonObject config = adapterConfig("adapter");
        assertThat(config.array("target_modules").stream().map(String::valueOf).toList())
                .containsExactlyInAnyOrder(modules.split(" "));
        assertThat(config.integer("r")).isEqualTo(2L * windows);
        assertThat(config.bool("fan_in_fan_out", false)).isEqualTo(model.startsWith("gpt2"));
        assertThat(adapter.matrices()).hasSize(assertSum(Golden.path(model), "adapter"));
    }

    /** Files of GPT-NeoX call it embed_out; the library, and so PEFT, calls every head lm_head. */
    @Test
    void aHeadIsCalledAsTheLibraryCallsItsModule() throws IOException {
        Path model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", Json.parseObject(NEOX)),
                DType.F32,
                7,
                model,
                _ -> {});
        run(
                Runs.config(model, data, tuned)
                        .perturbation("low-rank")
                        .window(3)
                        .weightDecay(0)
                        .lr(1e-3)
                        .tune("embed_out.weight,*attention.dense.weight"));
        Path adapter = temp.resolve("adapter");
        AdapterExport.run(
                new AdapterRequest(
                        model,
                        tuned.resolve("journal.jsonl"),
                        adapter,
                        OptionalInt.empty(),
                        false));
        assertThat(adapterConfig("adapter").array("target_modules").stream().map(String::valueOf))
                .containsExactlyInAnyOrder("lm_head", "dense");
        try (SafetensorsFile file = SafetensorsFile.open(adapter.resolve(AdapterWriter.WEIGHTS))) {
            assertThat(file.tensors())
                    .containsKeys(
                            PREFIX + "lm_head.lora_A.weight", PREFIX + "lm_head.lora_B.weight");
        }
        Path merged = temp.resolve("merged");
        AdapterMerge.run(model, adapter, merged, _ -> {});
        try (SafetensorsFile once = SafetensorsFile.open(merged.resolve("model.safetensors"));
                SafetensorsFile run = SafetensorsFile.open(tuned.resolve("model.safetensors"))) {
            for (String name : run.tensors().keySet()) {
                float[] wanted = run.readFloats(name);
                float[] found = once.readFloats(name);
                for (int i = 0; i < wanted.length; i++) {
                    assertThat(found[i]).as(name).isEqualTo(wanted[i], within(1e-6f));
                }
            }
        }
    }

    /** Compares every element; returns how many matrices have changed. */
    private int assertSum(Path base, String adapter) throws IOException {
        Map<String, double[]> changes = changes(adapter);
        Map<String, double[]> sizes = changes(adapter, Math::abs);
        int compared = 0;
        double most = 0;
        try (SafetensorsFile before = SafetensorsFile.open(base.resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(tuned.resolve("model.safetensors"))) {
            for (String name : before.tensors().keySet()) {
                float[] old = before.readFloats(name);
                float[] now = after.readFloats(name);
                double[] change = changes.get(published(name, changes));
                double[] size = sizes.get(published(name, changes));
                if (change == null) {
                    assertThat(now).as(name).isEqualTo(old);
                    continue;
                }
                compared++;
                for (int i = 0; i < old.length; i++) {
                    double added = Math.abs(old[i]) + size[i];
                    if (!(Math.abs(old[i] + change[i] - now[i]) <= BOUND * added)) {
                        assertThat(old[i] + change[i])
                                .as("element %d of %s", i, name)
                                .isEqualTo(now[i], within(BOUND * added));
                    }
                    most = Math.max(most, Math.abs(change[i]) / added);
                }
            }
        }
        assertThat(most).isGreaterThan(0.01);
        assertThat(compared).isEqualTo(changes.size());
        return compared;
    }

    /** The name of a tensor's module: files may lack the prefix that the library gives. */
    private static String published(String tensor, Map<String, double[]> changes) {
        String module = tensor.replaceFirst("\\.weight$", "");
        return changes.containsKey(module) ? module : "transformer." + module;
    }

    private JsonObject adapterConfig(String adapter) throws IOException {
        return Json.parseObject(
                Files.readString(temp.resolve(adapter).resolve(AdapterWriter.CONFIG)));
    }

    /** B A times PEFT's scale for each module, as the checkpoint stores its weight. */
    private Map<String, double[]> changes(String adapter) throws IOException {
        return changes(adapter, UnaryOperator.identity());
    }

    private Map<String, double[]> changes(String adapter, UnaryOperator<Double> each)
            throws IOException {
        JsonObject config = adapterConfig(adapter);
        boolean conv = config.bool("fan_in_fan_out", false);
        Map<String, double[]> changes = new TreeMap<>();
        try (SafetensorsFile file =
                SafetensorsFile.open(temp.resolve(adapter).resolve(AdapterWriter.WEIGHTS))) {
            assertThat(file.metadata())
                    .containsEntry("format", "pt")
                    .containsEntry("millrace_steps", "7");
            for (String name : file.tensors().keySet()) {
                boolean table = name.endsWith(".lora_embedding_A");
                if (!table && !name.endsWith(".lora_A.weight")) {
                    continue;
                }
                String module = name.substring(PREFIX.length()).replaceFirst("\\.lora_.*$", "");
                String other = name.replaceFirst("_A(\\.weight)?$", "_B$1");
                List<Long> inner = file.tensor(name).shape();
                int rank = Math.toIntExact(inner.get(0));
                JsonObject ranks = config.object("rank_pattern");
                JsonObject alphas = config.object("alpha_pattern");
                long r = ranks.has(module) ? ranks.integer(module) : config.integer("r");
                assertThat(r).as(module).isEqualTo(rank);
                double alpha =
                        alphas.has(module) ? alphas.integer(module) : config.integer("lora_alpha");
                double[] product =
                        product(
                                file.readFloats(other),
                                file.readFloats(name),
                                rank,
                                alpha / r,
                                table || conv,
                                each);
                changes.put(module, product);
            }
        }
        return changes;
    }

    /** Row-major B A, or that transposed, of products that something was done to. */
    private static double[] product(
            float[] b,
            float[] a,
            int rank,
            double scale,
            boolean transposed,
            UnaryOperator<Double> each) {
        int rows = b.length / rank;
        int columns = a.length / rank;
        double[] product = new double[rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                double sum = 0;
                for (int k = 0; k < rank; k++) {
                    sum += each.apply((double) b[i * rank + k] * a[k * columns + j]);
                }
                product[transposed ? j * rows + i : i * columns + j] = scale * sum;
            }
        }
        return product;
    }

    @Test
    void aCutAdapterIsAsFarOffAsIsTold() throws IOException {
        run(config("llama", "matrices").rank(16).window(1));
        assertThat(export("llama").rank()).isEqualTo(112);
        ExportedAdapter cut = export("llama", OptionalInt.of(40), false, "cut");
        Map<String, double[]> whole = changes("adapter");
        Map<String, double[]> less = changes("cut");
        double norms = 0;
        double losses = 0;
        for (ExportedAdapter.Matrix one : cut.matrices()) {
            int most = one.module().matches(".*[kv]_proj") ? 32 : 40; // a side of theirs is 32
            assertThat(one.rank()).as(one.module()).isEqualTo(most);
            double[] change = whole.get(one.module());
            double norm = norm(change, new double[change.length]);
            double lost = norm(change, less.get(one.module()));
            if (most == 32) {
                assertThat(lost / norm).as(one.module()).isLessThan(1e-6);
                assertThat(one.relativeError()).as(one.module()).isLessThan(1e-12);
            } else {
                assertThat(lost / norm)
                        .as(one.module())
                        .isEqualTo(one.relativeError(), within(1e-6));
                assertThat(one.relativeError()).isBetween(0.01, 0.9);
            }
            norms += norm * norm;
            losses += lost * lost;
        }
        assertThat(Math.sqrt(losses / norms)).isEqualTo(cut.relativeError(), within(1e-6));
        assertThat(adapterConfig("cut").object("rank_pattern").fields()).hasSize(6);
    }

    @Test
    void aRankThatHoldsAllCutsNothing() throws IOException {
        run(config("llama", "*_proj*"));
        export("llama");
        assertThat(export("llama", OptionalInt.of(6), false, "cut").relativeError()).isZero();
        for (String file : List.of(AdapterWriter.CONFIG, AdapterWriter.WEIGHTS)) {
            assertThat(temp.resolve("cut").resolve(file))
                    .hasSameBinaryContentAs(temp.resolve("adapter").resolve(file));
        }
    }

    private static double norm(double[] one, double[] other) {
        double squares = 0;
        for (int i = 0; i < one.length; i++) {
            squares += (one[i] - other[i]) * (one[i] - other[i]);
        }
        return Math.sqrt(squares);
    }

    @Test
    void vectorsAreRefusedWithHowFarTheyWentOrLeftOut() throws IOException {
        run(config("llama", "full").optimizer("lozo-m"));
        double[] norms = vectorNorms();
        assertThatThrownBy(() -> export("llama"))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("line 1: the run tuned 7 vectors, whose change has a norm of")
                .hasMessageContaining("tune with --tune matrices, or leave them out with --drop-v");
        assertNothingLeft();
        ExportedAdapter adapter = export("llama", OptionalInt.empty(), true, "adapter");
        TrainedVectors dropped = adapter.dropped().orElseThrow();
        assertThat(dropped.count()).isEqualTo(7);
        assertThat(dropped.change()).isEqualTo(norms[0], within(1e-5 * norms[0]));
        assertThat(dropped.norm()).isEqualTo(norms[1], within(1e-9 * norms[1]));
        assertThat(adapter.matrices()).hasSize(3 * 7 + 2);
    }

    /** Of what was added to vectors, and of what they were. */
    private double[] vectorNorms() {
        List<Double> changes = new ArrayList<>();
        List<Double> values = new ArrayList<>();
        try (SafetensorsFile before =
                        SafetensorsFile.open(Golden.path("llama").resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(tuned.resolve("model.safetensors"))) {
            before.tensors()
                    .forEach((name, tensor) -> {
                        if (tensor.shape().size() == 1) {
                            float[] old = before.readFloats(name);
                            float[] now = after.readFloats(name);
                            for (int i = 0; i < old.length; i++) {
                                changes.add((double) now[i] - old[i]);
                                values.add((double) old[i]);
                            }
                        }
                    });
        }
        return new double[] {size(changes), size(values)};
    }

    private static double size(List<Double> values) {
        return Math.sqrt(values.stream().mapToDouble(value -> value * value).sum());
    }

    @Test
    void whatTheRunRoundedIsTold() {
        run(config("llama", "matrices").dtype(DType.BF16));
        assertThat(export("llama").rounded()).contains(DType.BF16);
    }

    @ParameterizedTest
    @CsvSource({
        "qwen2, matrices, model.embed_tokens.weight, embedding and head in one",
        "opt, 'matrices,!*embed_tokens*', model.decoder.embed_positions.weight, at an offset",
        "gpt2-hubnames, matrices, wte.weight, embedding and head in one"
    })
    void whatPeftHasNoAdapterForIsRefused(String model, String tune, String tensor, String obstacle)
            throws IOException {
        run(config(model, tune).steps(1));
        assertThatThrownBy(() -> export(model))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("line 1: the run tuned '" + tensor + "': it is ")
                .hasMessageContaining(obstacle)
                .hasMessageContaining("; tune with --tune 'matrices,!" + tensor + "', or");
        assertNothingLeft();
    }

    private void assertNothingLeft() throws IOException {
        try (var files = Files.list(temp)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .noneMatch(name -> name.startsWith("adapter"));
        }
    }
}
