package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.command.TuneCommandLine;
import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FindCommandTest {
    private static final List<String> TASK =
            List.of(
                    "--model=../samples/tiny-lm",
                    "--train=../samples/reviews-train.jsonl",
                    "--template={text} verdict :",
                    "--label-words= terrible, great",
                    "--batch-size=16");

    @TempDir Path temp;

    @Test
    void printsWhatWasTriedAndTheCommandThatTakesItUp() {
        CommandRun command = new CommandRun();

        int exitCode =
                command.run(
                        ("find --model m --train t.jsonl --nvme-dir "
                                        + temp
                                        + " --lr 3e-6 --eps=1e-2"
                                        + " --queries 2 --probe-steps 5 --template it's")
                                .split(" "));

        assertThat(exitCode).as(command.err.toString()).isZero();
        assertThat(command.engine.tuned.arithmetic().queries()).isEqualTo(2);
        assertThat(command.out.toString())
                .contains("1e-3", "<- proposed")
                .contains("    1e-6  2.0000 -> 1.5000\n")
                .contains("    1e-5  2.0000 -> 3.0000  rises")
                .contains("    1e-4  no number any more")
                .contains("proposed: --eps 1e-3 --lr 3.3e-7")
                .contains(
                        "./millrace tune --model m --train t.jsonl --nvme-dir "
                                + temp
                                + " --queries 2 --template 'it'\\''s' --eps 1e-3 --lr 3.3e-7 --out tuned");
        assertThat(temp).isEmptyDirectory();
    }

    @Tag("long")
    @Test
    void whatItProposesLearnsAndAHundredthOfItDoesNot() throws IOException {
        RealCommand command = new RealCommand(temp);
        JsonObject found = Json.parseObject(command.done(find()));
        double lr = found.number("lr");

        assertThat(temp).isEmptyDirectory();
        double base = tuned(command, 0, found);
        double proposed = tuned(command, lr, found);
        double small = tuned(command, lr / 100, found);
        // The proposal gains at least five times what a hundredth of it gains.
        assertThat(proposed).isFinite().isLessThan(base - 0.5);
        assertThat(base - proposed).isGreaterThan(5 * Math.max(0, base - small));
    }

    @Tag("long")
    @Test
    void proposesTheSameAgain() {
        RealCommand command = new RealCommand(temp);
        String first = command.done(find("--probe-steps=1", "--seed=5"));

        assertThat(command.done(find("--probe-steps=1", "--seed=5"))).isEqualTo(first);
        assertThat(command.done(find("--probe-steps=1", "--seed=6"))).isNotEqualTo(first);
    }

    @Test
    void triesALoraBesideAModel() throws IOException {
        Path model = TestModel.write(temp.resolve("model"), DType.BF16, 2, 64);
        Path work = Files.createDirectory(temp.resolve("work"));
        RealCommand command = new RealCommand(temp);
        JsonObject found =
                Json.parseObject(
                        command.done(
                                List.of(
                                        "find",
                                        "--json",
                                        "--model=" + model,
                                        "--train=" + TestModel.data(temp.resolve("ids.jsonl"), 12),
                                        "--nvme-dir=" + work,
                                        "--batch-size=2",
                                        "--probe-steps=1",
                                        "--tune=lora",
                                        "--lora-rank=2")));
        assertThat(found.number("lr")).isPositive();
        assertThat(found.number("eps")).isPositive();
        assertThat(work).isEmptyDirectory();
    }

    @Test
    void refusesWhatTuneWouldRefuse() throws IOException {
        Path model = TestModel.copySample(temp.resolve("model"));
        Path data = temp.resolve("one.jsonl");
        Files.writeString(data, "{\"input_ids\":[1,2,3]}\n");
        RealCommand command = new RealCommand(temp);
        List<String> find =
                List.of("find", "--model=" + model, "--train=" + data, "--nvme-dir=" + temp);

        assertThat(command.refused(RealCommand.with(find, "--probe-steps=0")))
                .contains("--probe-steps");
        assertThat(command.refused(RealCommand.with(find, "--host-budget=4KiB")))
                .contains("--host-budget");
        assertThat(command.refused(RealCommand.with(find, "--batch-size=1")))
                .contains("one example leaves none to judge by");
    }

    private List<String> find(String... more) {
        List<String> words =
                RealCommand.with(List.of("find", "--json", "--nvme-dir=" + temp), more);
        words.addAll(TASK);
        return words;
    }

    /** Loss on the development set after some steps at a rate. */
    private double tuned(RealCommand command, double lr, JsonObject found) {
        Path out = temp.resolve("tuned-" + lr);
        List<String> words =
                RealCommand.with(
                        List.of("tune", "--json", "--steps=40", "--seed=7", "--out=" + out),
                        "--eval=../samples/reviews-dev.jsonl",
                        "--lr=" + lr,
                        "--eps=" + found.number("eps"));
        words.addAll(TASK);
        return Json.parseObject(command.done(words)).object("eval_after").number("loss");
    }

    @Test
    void quotesForAShellAndDropsWhatItReplaces() {
        assertThat(
                        TuneCommandLine.of(
                                List.of("find", "--lr", "1", "--eps=2", "--json", "--a b", "-x=$y"),
                                List.of("--eps", "1e-3", "--lr", "2e-4")))
                .containsExactly(
                        "tune", "'--a b'", "'-x=$y'", "--eps", "1e-3", "--lr", "2e-4", "--out",
                        "tuned");
    }
}
