package io.millrace.model.text;

import static io.millrace.model.text.Fixtures.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.data.DatasetReader;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Rows of messages become the tokens, and score the answers, that transformers has for them. */
class ChatTest {
    private static final JsonObject GOLDEN = golden();

    @TempDir Path dir;

    static Stream<JsonObject> cases() {
        return GOLDEN.array("cases").stream().map(one -> JsonObject.of((Map<?, ?>) one));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void scoresWhatTheTemplateMarks(JsonObject one) {
        assertThat(read(one, GOLDEN.string("template"))).isEqualTo(expected(one));
    }

    /**
     * A template that marks nothing: an answer begins behind the opening that it writes for one.
     */
    @ParameterizedTest
    @MethodSource("cases")
    void findsAnswersThatNothingMarks(JsonObject one) {
        String template = GOLDEN.string("template").replaceAll("\\{% (end)?generation %\\}", "");
        assertThat(read(one, template)).isEqualTo(expected(one));
    }

    @Test
    void makesAnExampleOfEachAnswerWhereEarlierOnesAreWrittenOtherwise() {
        PublishedTokenizersTest.layOut("opt", dir);
        template(
                "{% for m in messages %}{{ m.role[0] ~ ':' }}"
                        + "{% if m.role == 'assistant' and loop.last %}[thought]{% endif %}"
                        + "{{ m.content ~ ';' }}{% endfor %}"
                        + "{% if add_generation_prompt %}a:{% endif %}");
        Dataset data = rows("[{u, x}, {a, y}, {u, z}, {a, w}]");
        assertThat(data.examples().stream().map(this::both).toList())
                .containsExactly(
                        "u:x;a:[thought]y; / [thought]y;",
                        "u:x;a:y;u:z;a:[thought]w; / [thought]w;");
    }

    @Test
    void cutsAtTheSequenceLengthAndKeepsWhatIsLeft() {
        PublishedTokenizersTest.layOut("opt", dir);
        template("{% for m in messages %}{{ m.content }}{% endfor %}");
        Dataset data = rows("[{u, abc}, {a, defghijklmnopqrstuvwxyzzzzzzzzz}]");
        Example example = data.examples().getFirst();
        assertThat(example.length()).isEqualTo(32);
        assertThat(example.labels()[31]).isNotEqualTo(Example.NOT_SCORED);
    }

    @Test
    void asksForAnAnswer() {
        PublishedTokenizersTest.layOut("opt", dir);
        template(
                "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                        + "{% if add_generation_prompt %}<assistant>{% endif %}");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.chat().prompt(Optional.of("be"), "x"))
                    .isEqualTo("</s><system>be<user>x<assistant>");
            assertThat(tokenizer.chat().prompt(Optional.empty(), "x"))
                    .isEqualTo("</s><user>x<assistant>");
            assertThat(tokenizer.encodeMarked("</s>x")).startsWith(2).hasSize(2);
        }
    }

    @Test
    void findsTheTemplateWhereItIs() throws IOException {
        PublishedTokenizersTest.layOut("opt", dir);
        write(dir.resolve("chat_template.json"), "{\"chat_template\": \"old\"}");
        assertThat(prompt()).isEqualTo("old");
        write(
                dir.resolve("tokenizer_config.json"),
                "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"no\"},"
                        + " {\"name\": \"default\", \"template\": \"listed\"}]}");
        Files.delete(dir.resolve("chat_template.json"));
        assertThat(prompt()).isEqualTo("listed");
        template("file");
        assertThat(prompt()).isEqualTo("file");
    }

    @Test
    void refusesInALine() {
        PublishedTokenizersTest.layOut("opt", dir);
        refused("[{u, x}, {a, y}]", "has no chat template, and messages are given");
        template("{% for m in messages %}");
        refused("[{u, x}, {a, y}]", "chat_template.jinja: the chat template has its end");
        template("{{ raise_exception('roles\nmust alternate') }}");
        refused(
                "[{u, x}, {a, y}]",
                "rows.jsonl:1: field 'messages' do not pass the model's chat"
                        + " template, which refuses this: roles must alternate");
        template("{% for m in messages %}{{ m.content }}{% endfor %}");
        refused("[{u, x}]", "rows.jsonl:1: field 'messages' has no answer of an assistant");
        refused("[]", "has no answer of an assistant");
        refused("[3]", "field 'messages' has no 'role' at index 0");
        refused("\"x\"", "field 'messages' is not an array");
        refused("[{u, " + "x".repeat(40) + "}, {a, y}]", "has no answer within 32 tokens");
    }

    private void refused(String messages, String what) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> rows(messages))
                .withMessageContaining(what)
                .withMessageNotContaining("\n");
    }

    private String prompt() {
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            return tokenizer.chat().prompt(Optional.empty(), "x");
        }
    }

    private void template(String template) {
        write(dir.resolve("chat_template.jinja"), template);
    }

    private Dataset rows(String messages) {
        String json =
                messages.replaceAll("\\{u, (\\w+)\\}", "{\"role\":\"user\",\"content\":\"$1\"}")
                        .replaceAll(
                                "\\{a, (\\w+)\\}", "{\"role\":\"assistant\",\"content\":\"$1\"}");
        Path file = write(dir.resolve("rows.jsonl"), "{\"messages\": " + json + "}\n");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            return DatasetReader.read(file, DatasetOptions.of(32, 2048, 1000), tokenizer);
        }
    }

    private List<List<Integer>> read(JsonObject one, String template) {
        PublishedTokenizersTest.layOut(one.string("tokenizer"), dir);
        template(template);
        Path file =
                write(
                        dir.resolve("rows.jsonl"),
                        Json.write(Map.of("messages", one.array("messages"))));
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            Dataset data = DatasetReader.read(file, DatasetOptions.of(2048, 2048, 1000), tokenizer);
            assertThat(data.kind()).isEqualTo(DataKind.CHAT);
            Example example = data.examples().getFirst();
            assertThat(data.examples()).hasSize(1);
            return List.of(boxed(example.ids()), boxed(example.labels()));
        }
    }

    private static List<List<Integer>> expected(JsonObject one) {
        int[] ids = Fixtures.ints(one.array("ids"));
        int[] answers = Fixtures.ints(one.array("answers"));
        int[] labels =
                IntStream.range(0, ids.length)
                        .map(i -> answers[i] == 1 ? ids[i] : Example.NOT_SCORED)
                        .toArray();
        return List.of(boxed(ids), boxed(labels));
    }

    private static List<Integer> boxed(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    /** An example's text, and what of it is scored. */
    private String both(Example example) {
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            int[] scored =
                    IntStream.of(example.labels()).filter(l -> l != Example.NOT_SCORED).toArray();
            return tokenizer.decode(example.ids()) + " / " + tokenizer.decode(scored);
        }
    }

    private static JsonObject golden() {
        try {
            return Json.parseObject(Files.readString(Fixtures.resource("chats.json")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
