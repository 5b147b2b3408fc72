package io.millrace.model.text.data;

import static io.millrace.model.text.Fixtures.storiesDir;
import static io.millrace.model.text.Fixtures.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.Fixtures;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.Utf8Lines;
import io.millrace.model.text.shape.Template;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BadDataTest {
    private static final DatasetOptions PLAIN = DatasetOptions.of(16, 16, 512);
    private static final DatasetOptions LABELLED =
            PLAIN.withClassification("{text} :", List.of(" bad", " good"));

    @TempDir Path dir;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    {"text":"a"}~{"text":"b"       | 2 | is not a JSON object
                    {"text":"a"}~[1]               | 2 | is not a JSON object
                    {"text":"a"}{"text":"b"}       | 1 | more text after
                    {"text":"a"}~{"text":""}       | 2 | field 'text' is empty
                    {"text":"a"}~{"text":3}        | 2 | field 'text' is not a string
                    {"text":null}                  | 1 | field 'text' is missing
                    {"text":"\\ud83d"}             | 1 | field 'text' holds half of a surrogate pair
                    {"txt":"a"}                    | 1 | (it has [txt])
                    {"text":"a"}~{"input_ids":[1,2]} | 2 | after rows of {"text"}
                    {"text":"a"}~{"text":"a","label":0} | 2 | has fields of {"text", "label"}
                    {"text":"a","label":0}         | 1 | field 'label' needs label words
                    {"prompt":"a"}                 | 1 | field 'completion' is missing
                    {"prompt":"","completion":"a"} | 1 | field 'prompt' is empty
                    {"prompt":"a","completion":"Hippopotamus xyzzy quux"} | 1 | field 'completion' does not fit
                    {"input_ids":[1,2.5]}          | 1 | field 'input_ids' has 2.5 at index 1
                    {"input_ids":[1,"2"]}          | 1 | field 'input_ids' has "2" at index 1
                    {"input_ids":[1,null]}         | 1 | field 'input_ids' has null at index 1
                    {"input_ids":5}                | 1 | field 'input_ids' is not an array
                    {"input_ids":[1,512]}          | 1 | has id 512 at index 1, outside the vocabulary
                    {"input_ids":[1,-100]}         | 1 | has id -100 at index 1
                    {"input_ids":[1,99999999999999999999]} | 1 | at index 1
                    {"input_ids":[1,2],"labels":[1]} | 1 | field 'labels' has 1 entries for 2 input_ids
                    {"input_ids":[1,2],"labels":[1,-1]} | 1 | field 'labels' has id -1
                    {"input_ids":[1,2],"labels":[1,-100]} | 1 | field 'labels' has nothing to score
                    {"input_ids":[1,2],"labels":"x"} | 1 | field 'labels' is not an array
                    {"input_ids":[1,2],"attention_mask":[1]} | 1 | field 'attention_mask' has 1 entries for 2 input_ids
                    {"input_ids":[1,2],"attention_mask":[1,2]} | 1 | field 'attention_mask' has 2 at index 1
                    {"input_ids":[1,2],"attention_mask":[1,null]} | 1 | field 'attention_mask' has null at index 1
                    {"input_ids":[1,2],"attention_mask":[0,0]} | 1 | field 'attention_mask' masks every token
                    {"input_ids":[1,2],"attention_mask":[0,1]} | 1 | field 'input_ids' has nothing to score
                    {"input_ids":[1,2],"attention_mask":3} | 1 | field 'attention_mask' is not an array
                    {"input_ids":[]}               | 1 | field 'input_ids' is empty
                    {"input_ids":[1]}              | 1 | field 'input_ids' has nothing to score
                    {"input_ids":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8]} | 1 | has 17 tokens, the model takes 16
                    """)
    void namesLineFieldAndFault(String lines, int line, String fault) {
        assertRefused(PLAIN, lines, line, fault);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    {"text":"a","label":2}    | 1 | field 'label' is 2, and there are 2 labels
                    {"text":"a","label":-1}   | 1 | field 'label' is -1
                    {"text":"a","label":"2"}  | 1 | field 'label' is 2, and there are 2 labels
                    {"text":"a","label":"so"} | 1 | field 'label' is 'so', which is no label
                    {"text":"a","label":null} | 1 | field 'label' is missing
                    {"text":"a","label":1.0}  | 1 | field 'label' is not an integer
                    {"label":1}               | 1 | field 'text' is missing
                    {"text":"a","label":1}~{"text":"a"} | 2 | has fields of {"text"} after
                    """)
    void namesTheFaultOfALabelledLine(String lines, int line, String fault) {
        assertRefused(LABELLED, lines, line, fault);
    }

    private void assertRefused(DatasetOptions options, String lines, int line, String fault) {
        Path file = write(dir.resolve("data.jsonl"), lines.replace('~', '\n') + "\n");
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> DatasetReader.read(file, options, tokenizer))
                    .withMessageStartingWith(file + ":" + line + ": ")
                    .withMessageContaining(fault)
                    .withMessageNotContaining("\n");
        }
    }

    @ParameterizedTest
    @CsvSource({"empty.jsonl,''", "empty.txt,''", "blank.jsonl,' \n\n'", "one.txt,'\n'"})
    void refusesAFileWithNothingInIt(String name, String text) {
        Path file = write(dir.resolve(name), text);
        DatasetOptions lineByLine = PLAIN.withPack(false);
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> DatasetReader.read(file, lineByLine, tokenizer))
                    .withMessageStartingWith(file + ": holds nothing");
        }
    }

    @Test
    void refusesAFileThatIsNotThere() {
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> DatasetReader.read(dir.resolve("no"), PLAIN, tokenizer))
                    .withMessageContaining("does not exist");
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> DatasetReader.read(dir, PLAIN, tokenizer))
                    .withMessageContaining("is a folder without data files");
        }
    }

    @Test
    void refusesATokenizerThatIsNotTheModels() {
        Path file = write(dir.resolve("a.txt"), "Lily and Tim went to the park");
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(
                            () -> DatasetReader.read(file, DatasetOptions.of(8, 8, 300), tokenizer))
                    .withMessageContaining("and the model's vocabulary has 300");
        }
    }

    @Test
    void refusesTextThatIsTooLongForOnePiece() {
        String text = "x".repeat(DataLine.MAX_TEXT_CHARS + 1);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> DataLine.checkedText("f", "text", text))
                .withMessageContaining("split it");
    }

    @Test
    void refusesALineThatDoesNotEnd() {
        String text =
                "{\"text\":\"a\"}~".replace('~', '\n') + "x".repeat(Utf8Lines.MAX_LINE_BYTES + 1);
        for (String name : List.of("data.jsonl", "data.txt")) {
            Path file = write(dir.resolve(name), text);
            try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
                assertThatExceptionOfType(BadInputException.class)
                        .isThrownBy(() -> DatasetReader.read(file, PLAIN, tokenizer))
                        .withMessage(
                                file
                                        + ":2: the line has more than 33554432 bytes;"
                                        + " split its text over several lines");
            }
        }
    }

    @Test
    void refusesLabelWordsThatCannotBeTold() {
        Path text = write(dir.resolve("a.jsonl"), "{\"text\":\"a\"}");
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> DatasetReader.read(text, LABELLED, tokenizer))
                    .withMessageStartingWith("--label-words: are given, but " + text);
        }
        for (List<String> words :
                List.of(List.of(" bad"), List.of(" a", " a"), List.of("", " a"))) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> PLAIN.withClassification("{text}", words))
                    .withMessageStartingWith("--label-words: ");
        }
    }

    @Test
    void refusesLabelWordsThatAreTheSameTokens() {
        Fixtures.toyTokenizer(dir, "<s> $A", "a");
        Path data = write(dir.resolve("a.jsonl"), "{\"text\":\"a\",\"label\":1}");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> DatasetReader.read(data, LABELLED, tokenizer))
                    .withMessage(
                            "--label-words: ' bad' and ' good' are the same tokens; choose words"
                                    + " that the tokenizer tells apart");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 1, 17})
    void refusesALengthThatTheModelCannotTake(int seqLen) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> DatasetOptions.of(seqLen, 16, 512))
                .withMessageStartingWith("--seq-len: is " + seqLen);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "no field", "{text", "{}", "{a{b}", "a } b", "{{text}}"})
    void refusesABrokenTemplate(String template) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Template.parse(template))
                .withMessageStartingWith("--template: ");
    }

    @Test
    void keepsDoubledBraces() {
        assertThat(Template.parse("{{{a}}} {b}").fill(field -> "<" + field + ">"))
                .isEqualTo("{<a>} <b>");
    }
}
