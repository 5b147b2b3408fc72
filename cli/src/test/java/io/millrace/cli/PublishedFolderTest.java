package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A folder laid out as the OPT models are published, without a {@code tokenizer.json}. */
class PublishedFolderTest {
    private static final List<String> TOKENIZER_FILES =
            List.of(
                    "vocab.json",
                    "merges.txt",
                    "special_tokens_map.json",
                    "tokenizer_config.json",
                    "chat_template.jinja");

    private static final String MARK =
            "{\"content\": \"</s>\", \"lstrip\": false, \"normalized\": true, \"rstrip\": false,"
                    + " \"single_word\": false, \"__type\": \"AddedToken\"}";

    @TempDir Path temp;
    private Path model;
    private int tokens;

    @BeforeEach
    void layOut() throws IOException {
        layOut(temp.resolve("opt"), 0);
    }

    /** The folder, of a model whose embedding lacks some of the tokens. */
    private void layOut(Path folder, int missing) throws IOException {
        model = folder;
        Map<String, Object> vocab = new LinkedHashMap<>();
        for (String token : List.of("<s>", "<pad>", "</s>", "<unk>", "\u0120", "\u010a")) {
            vocab.put(token, (long) vocab.size());
        }
        for (char c = '!'; c <= '~'; c++) {
            vocab.put(Character.toString(c), (long) vocab.size());
        }
        vocab.put("th", (long) vocab.size());
        vocab.put("the", (long) vocab.size());
        tokens = vocab.size();
        write(tokens - missing);
        Files.writeString(model.resolve("vocab.json"), Json.write(vocab));
        Files.writeString(model.resolve("merges.txt"), "#version: 0.2\nt h\nth e\n");
        String roles =
                "\"bos_token\": %s, \"eos_token\": %s, \"unk_token\": %s".replace("%s", MARK);
        Files.writeString(model.resolve("special_tokens_map.json"), "{" + roles + "}");
        Files.writeString(
                model.resolve("tokenizer_config.json"),
                "{"
                        + roles
                        + ", \"pad_token\": \"<pad>\", \"add_bos_token\": true,"
                        + " \"add_prefix_space\": false, \"tokenizer_class\": \"GPT2Tokenizer\"}");
        Files.writeString(
                model.resolve("chat_template.jinja"),
                "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n"
                        + "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}");
    }

    private void write(int vocabSize) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("architectures", List.of("OPTForCausalLM"));
        config.put("model_type", "opt");
        config.put("vocab_size", (long) vocabSize);
        config.put("hidden_size", 32L);
        config.put("word_embed_proj_dim", 32L);
        config.put("num_hidden_layers", 2L);
        config.put("ffn_dim", 64L);
        config.put("num_attention_heads", 4L);
        config.put("max_position_embeddings", 64L);
        config.put("activation_function", "relu");
        config.put("do_layer_norm_before", true);
        config.put("torch_dtype", "float32");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(config)),
                DType.F32,
                7,
                model,
                bytes -> {});
    }

    @Test
    void tunesEvaluatesAndGeneratesWithNoStepBefore() throws IOException {
        RealCommand command = new RealCommand(temp);
        Path train = temp.resolve("train.jsonl");
        Files.writeString(train, "{\"prompt\": \"the cat\", \"completion\": \" sat\"}\n");
        Path out = temp.resolve("tuned");
        command.done(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + train,
                        "--steps=2",
                        "--batch-size=2",
                        "--out=" + out));
        for (String file : TOKENIZER_FILES) {
            assertThat(out.resolve(file)).hasSameBinaryContentAs(model.resolve(file));
        }
        assertThat(command.done(List.of("eval", "--model=" + out, "--data=" + train)))
                .contains("loss");
        JsonObject answer = generated(command, out, "the");
        assertThat(answer.array("prompt_ids")).hasToString("[2, " + (tokens - 1) + "]");
    }

    @Test
    void tunesOnConversationsAndAnswersThem() throws IOException {
        RealCommand command = new RealCommand(temp);
        Path train = temp.resolve("train.jsonl");
        Files.writeString(
                train,
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"},"
                        + " {\"role\": \"assistant\", \"content\": \"b\"}]}\n");
        Path out = temp.resolve("tuned");
        command.done(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + train,
                        "--steps=2",
                        "--batch-size=1",
                        "--out=" + out));
        assertThat(command.done(List.of("eval", "--model=" + out, "--data=" + train)))
                .contains("loss");
        JsonObject answer = generated(command, out, "hi", "--chat", "--system=be");
        // </s>, "system: be", a line feed, "user: hi", a line feed, "assistant:"
        assertThat(answer.array("prompt_ids")).hasSize(1 + 10 + 1 + 8 + 1 + 10);
        assertThat(answer.string("text")).doesNotContain("assistant");
        assertThat(
                        command.refused(
                                List.of(
                                        "generate",
                                        "--model=" + out,
                                        "--prompt=hi",
                                        "--system=be")))
                .contains("--system: is given without --chat");
    }

    /** An answer is given with all that was said before it. */
    @Test
    void conversesLineByLine() {
        RealCommand command = new RealCommand(temp);
        command.typed = "hi\n\nb\n";
        List<JsonObject> answers =
                command.done(
                                List.of(
                                        "generate",
                                        "--model=" + model,
                                        "--chat",
                                        "--json",
                                        "--max-new-tokens=3"))
                        .lines()
                        .map(Json::parseObject)
                        .toList();
        assertThat(answers)
                .extracting(answer -> answer.string("prompt"))
                .containsExactly("hi", "b");
        int first = answers.get(0).array("prompt_ids").size();
        assertThat(first).isEqualTo(1 + 8 + 1 + 10);
        // The template's text of three messages, and no mark of a kind that an answer may hold.
        assertThat(answers.get(1).array("prompt_ids").size())
                .isGreaterThanOrEqualTo(first + 1 + 7 + 1 + 10);
        assertThat(answers.get(1).array("prompt_ids").subList(0, first))
                .isEqualTo(answers.get(0).array("prompt_ids"));
        assertThat(command.refused(List.of("generate", "--model=" + model)))
                .contains("--prompt: is missing");
    }

    private static JsonObject generated(
            RealCommand command, Path model, String prompt, String... more) {
        return Json.parseObject(
                command.done(
                        RealCommand.with(
                                List.of(
                                        "generate",
                                        "--model=" + model,
                                        "--prompt=" + prompt,
                                        "--max-new-tokens=3",
                                        "--json"),
                                more)));
    }

    @Test
    void refusesTokenizerFilesThatDoNotFit() throws IOException {
        RealCommand command = new RealCommand(temp);
        List<String> generate = List.of("generate", "--model=" + model, "--prompt=the");
        Path config = model.resolve("tokenizer_config.json");
        String whole = Files.readString(config);
        Files.writeString(config, "{\"tokenizer_class\": \"LlamaTokenizer\"}");
        assertThat(command.refused(generate)).contains("none of the files of its tokenizer class");
        Files.writeString(config, whole.substring(0, 40));
        assertThat(command.refused(generate)).contains("tokenizer_config.json: it is not valid");
        Files.writeString(config, whole);
        Files.writeString(model.resolve("merges.txt"), "t h\nth");
        assertThat(command.refused(generate)).contains("merges.txt:2: is not a pair of tokens");
        layOut(temp.resolve("small"), 1);
        assertThat(command.refused(List.of("generate", "--model=" + model, "--prompt=the")))
                .contains("makes ids up to " + (tokens - 1))
                .contains("the model's embedding has " + (tokens - 1) + " rows");
    }
}
