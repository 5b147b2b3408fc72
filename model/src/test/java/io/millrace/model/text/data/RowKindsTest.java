package io.millrace.model.text.data;

import static io.millrace.model.text.Fixtures.storiesDir;
import static io.millrace.model.text.Fixtures.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.DataKind;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.model.text.ExamplesFingerprint;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.option.DataPart;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.option.LabelOptions;
import io.millrace.model.text.option.RowOptions;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowKindsTest {
    private static final DatasetOptions OPTIONS = DatasetOptions.of(512, 512, 512);
    private static final DatasetOptions LABELLED =
            OPTIONS.withClassification("{text} so", List.of(" bad", " good"));

    /** As ChatML, with marks that the tokenizer of the tests spells letter by letter. */
    private static final String TEMPLATE =
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}~{% endfor %}"
                    + "{% if add_generation_prompt %}[assistant]{% endif %}";

    @TempDir Path dir;

    private Tokenizer tokenizer = Tokenizer.of(storiesDir());

    @AfterEach
    void close() {
        tokenizer.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    1        | ''      | 1
                    true     | ''      | 1
                    false    | ''      | 0
                    "0"      | ''      | 0
                    " 1 "    | ''      | 1
                    "pos"    | neg,pos | 1
                    "neg"    | neg,pos | 0
                    0        | neg,pos | 0
                    "1"      | 1,0     | 0
                    """)
    void takesLabelsAsTheyAreWritten(String label, String names, int expected) {
        DatasetOptions options =
                OPTIONS.withLabelling(
                        new LabelOptions(
                                "{text}",
                                List.of(" bad", " good"),
                                names.isEmpty() ? List.of() : List.of(names.split(","))));
        Dataset data = read("a.jsonl", "{\"text\":\"Tim\",\"label\":" + label + "}", options);
        assertThat(data.classification().getFirst().label()).isEqualTo(expected);
    }

    @Test
    void mapsColumnsByNameAndByNumber() {
        DatasetOptions named = LABELLED.withRows(rows(Map.of("text", "sentence", "label", "gold")));
        Dataset expected = read("a.jsonl", "{\"text\":\"a dog\",\"label\":1}", LABELLED);
        String json = "{\"text\":\"no\",\"sentence\":\"a dog\",\"gold\":1}";
        assertThat(print(read("b.jsonl", json, named))).isEqualTo(print(expected));
        DatasetOptions numbered = LABELLED.withRows(rows(Map.of("text", "2", "label", "1")));
        assertThat(print(read("c.csv", "1,a dog\n", numbered))).isEqualTo(print(expected));
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> read("d.jsonl", "{\"text\":\"a\",\"gold\":1}", named))
                .withMessageStartingWith(dir.resolve("d.jsonl") + ":1: has no field 'sentence'");
    }

    @Test
    void skipsBadRowsWhereAskedAndCountsThem() {
        String text =
                """
                {"text":"a","label":0}
                {"text":"","label":0}
                {"text":"b","label":7}
                not json
                {"label":1}

                {"text":"c","label":1}
                """;
        Path file = write(dir.resolve("a.jsonl"), text);
        DatasetOptions skipping =
                LABELLED.withRows(new RowOptions(Map.of(), Optional.empty(), true));
        Reading reading = DatasetReader.readAll(file, DataPart.TRAIN, skipping, tokenizer);
        assertThat(reading.data().examples()).hasSize(2);
        assertThat(reading.rows()).isEqualTo(6);
        assertThat(reading.skipped().count()).isEqualTo(4);
        assertThat(reading.skipped().first()).hasSize(3);
        assertThat(reading.skipped().first().get(0)).startsWith(file + ":2: field 'text' is empty");
        assertThat(reading.skipped().first().get(2)).startsWith(file + ":4: is not a JSON object");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> DatasetReader.read(file, LABELLED, tokenizer))
                .withMessageStartingWith(file + ":2: ");
        DatasetOptions wordless =
                OPTIONS.withRows(new RowOptions(Map.of(), Optional.empty(), true));
        Path labelled = write(dir.resolve("b.jsonl"), "{\"text\":\"a\",\"label\":0}");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> DatasetReader.read(labelled, wordless, tokenizer))
                .withMessageContaining("holds nothing to learn from");
    }

    @Test
    void readsShareGptAndAlpacaAsTheMessagesThatTheyAre() throws IOException {
        talking();
        String messages =
                """
                {"messages":[{"role":"system","content":"Be kind"},{"role":"user","content":"Hi Tim"},\
                {"role":"assistant","content":"Hi Lily"},{"role":"user","content":"Go\\nhome"},\
                {"role":"assistant","content":"No"}]}
                """;
        String shared =
                """
                {"system":"Be kind","conversations":[{"from":"human","value":"Hi Tim"},\
                {"from":"gpt","value":"Hi Lily"},{"from":"human","value":"Go\\nhome"},\
                {"from":"gpt","value":"No"}]}
                """;
        String alpaca =
                """
                [{"system":"Be kind","history":[["Hi Tim","Hi Lily"]],"instruction":"Go",\
                "input":"home","output":"No"}]
                """;
        Dataset expected = read("a.jsonl", messages, OPTIONS);
        assertThat(scored(expected.examples().getFirst())).isEqualTo("Hi Lily~No~");
        assertThat(print(read("b.jsonl", shared, OPTIONS))).isEqualTo(print(expected));
        assertThat(print(read("c.json", alpaca, OPTIONS))).isEqualTo(print(expected));
        assertThat(read("c.json", alpaca, OPTIONS).kind()).isEqualTo(DataKind.INSTRUCTION);
    }

    @Test
    void leavesAnswersUnscoredThatSaySo() throws IOException {
        talking();
        for (String flag : List.of("\"train\":false", "\"weight\":0")) {
            String text =
                    """
                    {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"Lily",%s},\
                    {"role":"user","content":"b"},{"role":"assistant","content":"Tim"}]}
                    """
                            .formatted(flag);
            Example example = read("a.jsonl", text, OPTIONS).examples().getFirst();
            assertThat(scored(example)).isEqualTo("Tim~");
        }
    }

    @Test
    void asksAModelWithoutAChatTemplateAsAlpacaWasAsked() {
        String row = "{\"instruction\":\"Add.\",\"input\":\"1 and 2\",\"output\":\"3\"}";
        Example example = read("a.jsonl", row, OPTIONS).examples().getFirst();
        assertThat(tokenizer.decode(example.ids()))
                .startsWith("Below is an instruction that describes a task, paired with an input")
                .endsWith("\n\n### Input:\n1 and 2\n\n### Response:3");
        assertThat(example.ids()[example.length() - 1]).isEqualTo(2);
        assertThat(example.labels()[example.length() - 1]).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    {"prompt":"A","choices":[" x"," y"," z"],"answer":2} | A z | 3 | 2
                    {"prompt":"A","choices":[" x"," y"],"answer":" y"}   | A y | 2 | 1
                    {"question":"Who?","choices":["Tim","Lily"],"answer":"B"} | Who?~Answer: Lily | 2 | 1
                    {"question":"Q","choices":{"text":["a","b"],"label":["1","2"]},"answerKey":"2"} | Q~Answer: b | 2 | 1
                    {"ctx":"He ran","endings":["home.","up."],"label":"0"} | He ran home. | 2 | 0
                    {"premise":"It fell.","choice1":"It broke.","choice2":"I ran.","question":"effect","label":0} | It fell so it broke. | 2 | 0
                    {"passage":"Tim and Bo.","query":"@placeholder ran","entities":["Bo","Tim"],"answers":["Tim"]} | Tim and Bo.~- Tim ran | 2 | 1
                    """)
    void readsChoicesOfARowsOwn(String row, String truth, int candidates, int label) {
        Dataset data = read("a.jsonl", row, OPTIONS);
        ClassificationExample example = data.classification().getFirst();
        assertThat(data.kind()).isEqualTo(DataKind.CHOICES);
        assertThat(example.candidates()).hasSize(candidates);
        assertThat(example.label()).isEqualTo(label);
        assertThat(tokenizer.decode(example.truth().ids())).isEqualTo(truth.replace('~', '\n'));
    }

    @Test
    void countsWhatIsCut() {
        String row = "{\"prompt\":\"" + "Lily ran. ".repeat(40) + "\",\"completion\":\" so\"}";
        Path file =
                write(dir.resolve("a.jsonl"), row + "\n{\"prompt\":\"a\",\"completion\":\" b\"}");
        Reading reading =
                DatasetReader.readAll(file, DataPart.TRAIN, OPTIONS.withSeqLen(32), tokenizer);
        int whole = tokenizer.encodePrompt("Lily ran. ".repeat(40) + " so").length;
        assertThat(reading.cutExamples()).isEqualTo(1);
        assertThat(reading.cutTokens()).isEqualTo(whole - 32);
    }

    private void talking() throws IOException {
        tokenizer.close();
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(storiesDir().resolve(name), dir.resolve(name));
        }
        Files.writeString(dir.resolve("chat_template.jinja"), TEMPLATE);
        tokenizer = Tokenizer.of(dir);
    }

    private static RowOptions rows(Map<String, String> columns) {
        return new RowOptions(columns, Optional.empty(), false);
    }

    private Dataset read(String name, String text, DatasetOptions options) {
        return DatasetReader.read(write(dir.resolve(name), text), options, tokenizer);
    }

    private static String print(Dataset data) {
        return Json.write(ExamplesFingerprint.of(data.examples()).digest());
    }

    private String scored(Example example) {
        int[] ids =
                IntStream.range(0, example.length())
                        .filter(i -> example.labels()[i] != Example.NOT_SCORED)
                        .map(i -> example.ids()[i])
                        .toArray();
        return tokenizer.decode(ids);
    }
}
