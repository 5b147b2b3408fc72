package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several adapters at once, as a person asks for them. */
class TuneManyTest {
    private static final List<String> RESULT =
            List.of("adapter_config.json", "adapter_model.safetensors", "journal.jsonl");

    /** More of them look longer; a build has time for one. */
    private static final int KILLS = Integer.getInteger("test.kills", 1);

    @TempDir Path temp;
    private Path model;
    private Path data;
    private RealCommand command;

    @BeforeEach
    void writeModel() throws IOException {
        model = TestModel.write(temp.resolve("model"), DType.BF16, 3, 64);
        data = TestModel.data(temp.resolve("ids.jsonl"), 6);
        command = new RealCommand(temp);
    }

    private List<String> tune(String out, String... more) {
        return RealCommand.with(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--out=" + temp.resolve(out),
                        "--steps=4",
                        "--batch-size=2"),
                more);
    }

    private List<String> lora(String out, String... more) {
        return RealCommand.with(tune(out, "--train=" + data, "--tune=lora", "--lr=1e-2"), more);
    }

    private void requireSame(String left, String right) throws IOException {
        for (String file : RESULT) {
            assertThat(temp.resolve(left).resolve(file))
                    .as(left + " " + file)
                    .hasSameBinaryContentAs(temp.resolve(right).resolve(file));
        }
    }

    @Test
    void seedsFollowEachOther() throws IOException {
        String said = command.done(lora("many", "--adapters=3", "--seed=41"));
        assertThat(said.lines()).hasSize(4);
        assertThat(said).contains("seed 0x0000000000000029", "seed 0x000000000000002b", "many/3");
        for (int run = 1; run <= 3; run++) {
            command.done(lora("alone" + run, "--seed=" + (40 + run)));
            requireSame("many/" + run, "alone" + run);
        }
        // What it leaves is a run like any other.
        command.done(
                List.of(
                        "tune",
                        "--config=" + temp.resolve("many/2/run.json"),
                        "--out=" + temp.resolve("again")));
        requireSame("many/2", "again");
        assertThat(command.done(lora("many", "--adapters=3", "--seed=41", "--resume")))
                .contains("many/1");
    }

    @Test
    void noPassIsSharedOnTheWayBack() {
        String refused = command.refused(lora("many", "--adapters=2", "--method=adamw"));
        assertThat(refused).contains("--adapters: the way back of adamw is one run's alone");
        assertThat(temp.resolve("many")).doesNotExist();
    }

    @Test
    void eachHasItsOwn() throws IOException {
        Path other = TestModel.data(temp.resolve("other.jsonl"), 9);
        Path recipe = temp.resolve("b.json");
        Files.writeString(recipe, "{\"lora-targets\": [\"o_proj\"], \"lora-rank\": 2}");
        Files.writeString(temp.resolve("a.json"), "{}");
        JsonObject answer =
                Json.parseObject(
                        command.done(
                                lora(
                                        "many",
                                        "--json",
                                        "--each=lr=1e-2,3e-2",
                                        "--each=train=" + data + "," + other,
                                        "--each=config=" + temp.resolve("a.json") + "," + recipe)));
        assertThat(answer.array("adapters")).hasSize(2);
        command.done(lora("one"));
        requireSame("many/1", "one");
        command.done(
                tune(
                        "two",
                        "--tune=lora",
                        "--lr=3e-2",
                        "--train=" + other,
                        "--lora-targets=o_proj",
                        "--lora-rank=2"));
        requireSame("many/2", "two");
    }

    @Test
    void eachIsOfItsOwnData() throws IOException {
        Path other = TestModel.data(temp.resolve("other.jsonl"), 9);
        command.done(
                tune("many", "--tune=lora", "--each=train=" + other + "," + data, "--lr=1e-2"));
        command.done(lora("one"));
        requireSame("many/2", "one");
    }

    @Test
    void oneThatDivergesIsNamedAndTheOthersAreWhole() throws IOException {
        assertThat(command.failed(lora("many", "--each=lr=1e-2,1e30")))
                .contains("millrace: adapter 2: step ", "has a loss that is not finite");
        command.done(lora("one"));
        requireSame("many/1", "one");
    }

    @Test
    void killedTheyGoOnToTheSameBytes() throws Exception {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        String[] steps = {"--adapters=3", "--seed=7", "--steps=40", "--host-budget=64MiB"};
        List<String> run = new ArrayList<>(lora("killed", steps));
        run.remove("--steps=4"); // told twice is refused
        for (int kill = 0; kill < KILLS; kill++) {
            try (ChildProcess child = ChildProcess.start(temp.resolve("log"), run)) {
                int watched = 1 + random.nextInt(3);
                long lines = journalLines(watched) + 2 + random.nextInt(15);
                assertThat(child.await(() -> journalLines(watched) >= lines)).isTrue();
                child.kill();
            }
            run.remove("--resume");
            run.add("--resume");
        }
        try (ChildProcess child = ChildProcess.start(temp.resolve("log"), run)) {
            assertThat(child.exitCode()).as("-Dtest.seed=" + seed + child.said()).isZero();
        }
        List<String> alone = new ArrayList<>(lora("alone", "--seed=8", "--steps=40"));
        alone.remove("--steps=4");
        command.done(alone);
        requireSame("killed/2", "alone");
    }

    private long journalLines(int run) {
        Path journal =
                temp.resolve("killed").resolve(Integer.toString(run)).resolve("journal.jsonl");
        try {
            return Files.isRegularFile(journal) ? Files.readAllLines(journal).size() : 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--adapters=0 | --adapters",
                "--adapters=3 --each=lr=1,2 | 'lr' has 2 values for 3 adapters",
                "--each=lr=1,2 --each=seed=1 | 'seed' has 1 values for 2 adapters",
                "--each=lr=1,2 --each=lr=3,4 | 'lr' is there twice",
                "--each=lr=1,much | 'lr': ",
                "--each=lr=1,-1 | 'lr'",
                "--each=nothing=1,2 | 'nothing=1,2' begins with no option of a run",
                "--each=3 | '3' begins with no option",
                "--each=host-budget=1GiB,2GiB | 'host-budget' is the same for all that share",
                "--each=model=a,b | 'model' is the same for all",
                "--each=lora-targets=q_proj,v_proj | 'lora-targets' is no single value",
                "--adapters=2 --tune=full | add --tune lora",
                "--adapters=2 --host-budget=4KiB | --host-budget",
                "--adapters=2 --resume | has no run to go on with"
            })
    void whatDoesNotFitIsRefused(String options, String message) {
        List<String> words = List.of("--train=" + data, "--tune=lora");
        List<String> asked = options.contains("--tune=") ? words.subList(0, 1) : words;
        assertThat(
                        command.refused(
                                RealCommand.with(
                                        RealCommand.with(tune("many"), options.split(" ")),
                                        asked.toArray(String[]::new))))
                .contains(message);
        assertThat(temp.resolve("many")).doesNotExist();
    }
}
