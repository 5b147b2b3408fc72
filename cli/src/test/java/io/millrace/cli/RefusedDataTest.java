package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Data that cannot be learned from is refused with its line, as training and as held-out file. */
class RefusedDataTest {
    private static final String WORDS = "--label-words= terrible, great";

    @TempDir Path temp;
    private Path model;
    private RealCommand command;

    @BeforeEach
    void copyModel() throws IOException {
        model = TestModel.copySample(temp.resolve("model"));
        command = new RealCommand(temp);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "cut off | {\"input_ids\":[1,2 | jsonl:2: is not a JSON object",
                "not an object | [1,2,3] | jsonl:2: is not a JSON object",
                "two objects | {\"input_ids\":[1,2]}{\"input_ids\":[1]} | jsonl:2: is not a JSON",
                "no known field | {\"words\":[1,2,3]} | jsonl:2: has none of the fields",
                "ids are text | {\"input_ids\":\"1 2 3\"} | jsonl:2: field 'input_ids'",
                "an id is a fraction | {\"input_ids\":[1,2.5]} | jsonl:2: field 'input_ids' has 2.5",
                "labels are missing some | {\"input_ids\":[1,2],\"labels\":[1]} | field 'labels' has 1",
                "nothing scored | {\"input_ids\":[1,2],\"labels\":[1,-100]} | field 'labels' has nothing",
                "another kind | {\"text\":\"a book\"} | jsonl:2: has fields of",
                "outside the vocabulary | {\"input_ids\":[1,729]} | field 'input_ids' has id 729",
                "a negative id | {\"input_ids\":[1,-1]} | field 'input_ids' has id -1",
                "an id of 65 bits | {\"input_ids\":[1,99999999999999999999]} | jsonl:2:",
            })
    void tuneRefusesASecondLine(String name, String line, String said) throws IOException {
        Path good = Files.writeString(temp.resolve("good.jsonl"), "{\"input_ids\":[1,2,3]}\n");
        Path bad =
                Files.writeString(
                        temp.resolve("bad.jsonl"), "{\"input_ids\":[1,2,3]}\n" + line + "\n");

        assertThat(command.refused(tune(bad))).contains(bad.toString(), said);
        assertThat(command.refused(RealCommand.with(tune(good), "--eval=" + bad)))
                .contains(bad.toString(), said);
    }

    @Test
    void tuneRefusesASequenceLongerThanTheModels() throws IOException {
        String ids = "1,".repeat(256) + "1";
        Path data =
                Files.writeString(temp.resolve("long.jsonl"), "{\"input_ids\":[" + ids + "]}\n");

        assertThat(command.refused(tune(data)))
                .contains("long.jsonl:1: field 'input_ids' has 257 tokens, the model takes 256");
        assertThat(command.refused(RealCommand.with(tune(text("a book")), "--seq-len=257")))
                .contains("257", "256");
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"2", "-1", "\"good\"", "1.5", "null"})
    void tuneRefusesALabelWithoutAWord(String label) throws IOException {
        Path data =
                Files.writeString(
                        temp.resolve("labels.jsonl"),
                        "{\"text\":\"a\",\"label\":0}\n{\"text\":\"b\",\"label\":" + label + "}\n");

        assertThat(command.refused(RealCommand.with(tune(data), WORDS)))
                .contains("labels.jsonl:2: ", "field 'label'");
    }

    @Test
    void tuneRefusesFilesThatHoldNothing() throws IOException {
        Path empty = Files.createFile(temp.resolve("empty.jsonl"));
        assertThat(command.refused(tune(empty))).contains("empty.jsonl: holds nothing");
        assertThat(command.refused(tune(Files.createFile(temp.resolve("empty.txt")))))
                .contains("empty.txt: holds nothing");
        assertThat(command.refused(tune(temp.resolve("none.jsonl")))).contains("none.jsonl");
        assertThat(command.refused(tune(Files.createDirectory(temp.resolve("folder.jsonl")))))
                .contains("folder.jsonl");
        assertThat(command.refused(tune(Files.write(temp.resolve("x.jsonl"), new byte[] {-1, 10}))))
                .contains("x.jsonl:1: ");
    }

    @Test
    void evalRefusesToJudgeWithoutLabels() throws IOException {
        Path data = text("a book");
        List<String> eval = List.of("eval", "--model=" + model, "--data=" + data);

        assertThat(command.refused(RealCommand.with(eval, "--metric=accuracy")))
                .contains(data.toString(), "no labels", "--metric loss");
        assertThat(command.refused(RealCommand.with(eval, WORDS))).contains("--label-words");
    }

    @Test
    void textNeedsATokenizerAndIdsDoNot() throws IOException {
        Path bare = TestModel.write(temp.resolve("bare"), DType.BF16, 1, 32);
        Path ids = TestModel.data(temp.resolve("ids.jsonl"), 3);

        assertThat(command.refused(List.of("eval", "--model=" + bare, "--data=" + text("a book"))))
                .contains(bare.toString(), "tokenizer.json");
        assertThat(command.refused(List.of("generate", "--model=" + bare, "--prompt=a")))
                .contains(bare.toString(), "tokenizer.json");
        assertThat(command.done(List.of("eval", "--model=" + bare, "--data=" + ids)))
                .contains("loss");
    }

    private Path text(String text) throws IOException {
        return Files.writeString(temp.resolve("text.jsonl"), "{\"text\":\"" + text + "\"}\n");
    }

    private List<String> tune(Path data) {
        return List.of(
                "tune",
                "--model=" + model,
                "--train=" + data,
                "--steps=1",
                "--out=" + temp.resolve("out"));
    }
}
