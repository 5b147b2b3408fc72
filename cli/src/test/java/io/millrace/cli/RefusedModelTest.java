package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A spoilt model folder is refused before any work, by every command that reads one. */
class RefusedModelTest {
    private static final String TENSOR = "model.layers.1.mlp.up_proj.weight";

    @TempDir Path temp;
    private Path model;

    interface Spoil {
        void at(Path model) throws IOException;
    }

    static Stream<Arguments> spoiltModels() {
        return Stream.of(
                spoilt(
                        "no model.safetensors",
                        "model: has no weights",
                        m -> Files.delete(TestModel.weights(m))),
                spoilt("cut short", "model.safetensors: tensor '", m -> cut(m, 1_000_000)),
                spoilt("cut in the header", "its header claims", m -> cut(m, 100)),
                spoilt("nearly empty", "model.safetensors: has 5 bytes", m -> cut(m, 5)),
                spoilt(
                        "huge header",
                        "its header claims 4611686018427387904 bytes",
                        m -> headerLength(m, 1L << 62)),
                spoilt(
                        "negative header",
                        "its header claims 18446744073709551615 bytes",
                        m -> headerLength(m, -1)),
                spoilt(
                        "offset beyond the file",
                        "tensor '" + TENSOR + "' ends at 4000000000",
                        m ->
                                TestModel.editTensor(
                                        m,
                                        TENSOR,
                                        tensor ->
                                                tensor.put(
                                                        "data_offsets",
                                                        List.of(0L, 4_000_000_000L)))),
                spoilt(
                        "wrong byte count",
                        "tensor '" + TENSOR + "' has 90112 bytes where",
                        m ->
                                TestModel.editTensor(
                                        m,
                                        TENSOR,
                                        tensor -> tensor.put("shape", List.of(352L, 129L)))),
                spoilt(
                        "overflowing shape",
                        "overflows 63 bits",
                        m ->
                                TestModel.editTensor(
                                        m,
                                        TENSOR,
                                        tensor ->
                                                tensor.put("shape", List.of(1L << 40, 1L << 40)))),
                spoilt(
                        "field of the wrong type",
                        "tensor '" + TENSOR + "'",
                        m -> TestModel.editTensor(m, TENSOR, tensor -> tensor.put("dtype", 7L))),
                spoilt(
                        "missing tensor",
                        "tensor '" + TENSOR + "' is missing",
                        m ->
                                TestModel.editHeader(
                                        m,
                                        header -> header.put("elsewhere", header.remove(TENSOR)))),
                spoilt(
                        "misshapen tensor",
                        "tensor '" + TENSOR + "' has shape [128, 352]",
                        m ->
                                TestModel.editTensor(
                                        m,
                                        TENSOR,
                                        tensor -> tensor.put("shape", List.of(128L, 352L)))),
                spoilt("not a number", "' has NaN", m -> TestModel.setLastElement(m, 0x7fc0)),
                spoilt("infinite", "' has Inf", m -> TestModel.setLastElement(m, 0x7f80)),
                spoilt(
                        "no config.json",
                        "config.json",
                        m -> Files.delete(m.resolve("config.json"))),
                spoilt(
                        "malformed config.json",
                        "config.json",
                        m -> Files.writeString(m.resolve("config.json"), "{\"model_type\": ")),
                spoilt(
                        "unknown architecture",
                        "mamba",
                        m ->
                                TestModel.editConfig(
                                        m,
                                        config -> {
                                            config.put("model_type", "mamba");
                                            config.put(
                                                    "architectures", List.of("MambaForCausalLM"));
                                        })),
                spoilt(
                        "a terminal's commands in a name",
                        "'a?[31mb', an unknown architecture",
                        m ->
                                TestModel.editConfig(
                                        m, config -> config.put("model_type", "a\u001b[31mb"))),
                spoilt(
                        "quantised",
                        "'quantization_config' says that the model is quantised (gptq), but its",
                        m ->
                                TestModel.editConfig(
                                        m,
                                        config ->
                                                config.put(
                                                        "quantization_config",
                                                        Map.of(
                                                                "quant_method",
                                                                "gptq",
                                                                "bits",
                                                                4)))),
                spoilt(
                        "FP8",
                        "tensor '" + TENSOR + "' is of F8_E5M2, which is not read; use",
                        m -> TestModel.editTensor(m, TENSOR, t -> t.put("dtype", "F8_E5M2"))),
                spoilt(
                        "field missing in config.json, whose usual value is no tensor's",
                        "has shape [729, 128] where config.json asks for [729, 4096]",
                        m -> TestModel.editConfig(m, config -> config.remove("hidden_size"))),
                spoilt(
                        "mistyped field in config.json",
                        "num_attention_heads",
                        m ->
                                TestModel.editConfig(
                                        m, config -> config.put("num_attention_heads", "four"))),
                spoilt(
                        "heads that do not divide",
                        "num_key_value_heads",
                        m ->
                                TestModel.editConfig(
                                        m, config -> config.put("num_key_value_heads", 3L))),
                spoilt(
                        "unsupported activation",
                        "hidden_act",
                        m -> TestModel.editConfig(m, config -> config.put("hidden_act", "relu9"))),
                spoilt(
                        "malformed tokenizer.json",
                        "tokenizer.json",
                        m -> Files.writeString(m.resolve("tokenizer.json"), "{")),
                spoilt(
                        "no tokenizer.json",
                        "tokenizer.json",
                        m -> Files.delete(m.resolve("tokenizer.json"))));
    }

    @BeforeEach
    void copyModel() throws IOException {
        model = TestModel.copySample(temp.resolve("model"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("spoiltModels")
    void tuneAndEvalRefuse(String name, String said, Spoil spoil) throws IOException {
        spoil.at(model);
        RealCommand command = new RealCommand(temp);
        String reviews = "../samples/reviews-dev.jsonl";
        String words = "--label-words= terrible, great";

        assertThat(
                        command.refused(
                                List.of(
                                        "tune",
                                        "--model=" + model,
                                        "--train=" + reviews,
                                        words,
                                        "--out=" + temp.resolve("out"))))
                .contains(model.toString())
                .contains(said);
        assertThat(command.refused(List.of("eval", "--model=" + model, "--data=" + reviews, words)))
                .contains(said);
    }

    private static Arguments spoilt(String name, String said, Spoil spoil) {
        return Arguments.of(name, said, spoil);
    }

    private static void cut(Path model, int bytes) throws IOException {
        byte[] whole = Files.readAllBytes(TestModel.weights(model));
        Files.write(TestModel.weights(model), Arrays.copyOf(whole, bytes));
    }

    private static void headerLength(Path model, long length) throws IOException {
        byte[] bytes = Files.readAllBytes(TestModel.weights(model));
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        Files.write(TestModel.weights(model), bytes);
    }
}
