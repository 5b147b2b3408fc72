package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read of data, as the command line shows it, and what is asked of a model with it. */
class DataCommandTest {
    private static final String MODEL = "--model=" + Path.of("..", "samples", "tiny-lm");

    @TempDir Path temp;
    private RealCommand command;

    @BeforeEach
    void writeData() throws IOException {
        command = new RealCommand(temp);
        Files.writeString(
                temp.resolve("alpaca.json"),
                """
                [{"instruction": "Say hi", "input": "", "output": "Hi"},
                 {"instruction": "Add", "input": "1 and 2", "output": "3"},
                 {"instruction": "bad", "output": ""}]
                """);
        Files.createDirectories(temp.resolve("sst2"));
        Files.writeString(
                temp.resolve("sst2/dev.tsv"), "sentence\tlabel\na \"fine film\t1\nso dull\t0\n");
        Files.writeString(temp.resolve("sst2/train.tsv"), "sentence\tlabel\nfun\t1\nbad\t0\n");
    }

    private List<String> data(String name, String... more) {
        return RealCommand.with(List.of("data", temp.resolve(name).toString(), MODEL), more);
    }

    @Test
    void showsRowsLengthsAndWhatIsScored() {
        String shown = command.done(data("alpaca.json", "--skip-bad-rows"));
        assertThat(shown)
                .contains("alpaca.json: {\"instruction\", \"output\"}, 3 rows in 1 file\n")
                .contains("2 examples, ", "nothing is cut\n", "one row is left out:\n")
                .contains("alpaca.json, row 3: field 'output' is empty")
                .contains("256 tokens or fewer         1 ####")
                .contains("### Instruction:\nSay hi\n\n### Response:[[Hi<eos>]]\n");
        assertThat(command.refused(data("alpaca.json"))).contains(", row 3: field 'output'");
        JsonObject json =
                Json.parseObject(command.done(data("alpaca.json", "--skip-bad-rows", "--json")));
        assertThat(json.integer("rows")).isEqualTo(3);
        assertThat(json.integer("skipped_rows")).isEqualTo(1);
        assertThat(json.array("shown")).hasSize(2);
    }

    @Test
    void readsATasksPartsOfAFolder() {
        assertThat(command.done(data("sst2", "--task=sst2")))
                .contains("sst2: rows of a task, 2 rows in 1 file", "fun It was[[ great]]");
        assertThat(command.done(data("sst2", "--task=sst2", "--held-out")))
                .contains("a \"fine film It was[[ great]]", "with 4 candidates");
        String eval =
                command.done(
                        List.of("eval", MODEL, "--task=sst2", "--data=" + temp.resolve("sst2")));
        assertThat(eval).contains("accuracy ", "(2 examples, 2 scored tokens)");
        String shown =
                command.done(
                        List.of(
                                "eval",
                                MODEL,
                                "--task=sst2",
                                "--data=" + temp.resolve("sst2"),
                                "--demonstrations=1",
                                "--train=" + temp.resolve("sst2")));
        assertThat(shown).contains("accuracy ").isNotEqualTo(eval);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    data %s/sst2 --task=squad | train.tsv:2: field 'context' is missing
                    data %s/sst2 --split=validation | has no files of 'validation'
                    data %s/alpaca.json --columns=text | has one that is no NAME=FIELD
                    data %s/alpaca.json --columns=text=a,text=b | --columns: 'text' is named twice
                    data %s/alpaca.json --columns=text=said | has no field 'said'
                    data %s/sst2 --task=sst --debug | --task: 'sst' is not a task; give one of sst2, rte
                    data %s/sst2 --shots=4 | --shots: is given without --task
                    eval --data=%s/sst2 --task=sst2 --shots=4 | are for tuning
                    eval --data=%s/sst2 --task=sst2 --demonstrations=2 | name it with --train
                    eval --data=%s/sst2 --train=x | is given without --demonstrations
                    eval --data=%s/alpaca.json --skip-bad-rows --stride=4 | is for running text
                    eval --data=%s/alpaca.json --skip-bad-rows --metric=accuracy | has no labels
                    generate --prompt=x --top-p=0 | --top-p: is 0.0
                    generate --prompt=x --temperature=0 | --temperature: is 0.0
                    generate --prompt=x --top-k=0 | --top-k
                    generate --prompt=x --stop= | --stop: is empty
                    """)
    void saysWhatItCannotRead(String line, String fault) {
        List<String> arguments =
                RealCommand.with(
                        List.of(line.replace(" --debug", "").formatted(temp).split(" ")), MODEL);
        assertThat(command.refused(arguments)).contains(fault);
    }

    @Test
    void drawsTheSameTextForTheSameSeed() {
        List<String> generate =
                List.of("generate", MODEL, "--prompt=the film", "--max-new-tokens=12");
        String greedy = command.done(generate);
        assertThat(command.done(RealCommand.with(generate, "--top-k=1", "--seed=5")))
                .isEqualTo(greedy);
        String drawn = command.done(RealCommand.with(generate, "--temperature=2", "--seed=5"));
        assertThat(command.done(RealCommand.with(generate, "--temperature=2", "--seed=5")))
                .isEqualTo(drawn);
        assertThat(command.done(RealCommand.with(generate, "--temperature=2", "--seed=6")))
                .isNotEqualTo(drawn);
        String stop = greedy.strip().split(" ")[3];
        String cut = command.done(RealCommand.with(generate, "--stop=" + stop));
        assertThat(greedy).startsWith(cut.strip());
        assertThat(cut.strip()).doesNotEndWith(stop);
    }
}
