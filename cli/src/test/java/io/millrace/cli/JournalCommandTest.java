package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code millrace journal} shows, and what comes of journals that it showed. */
class JournalCommandTest {
    @TempDir Path temp;
    private Path model;
    private Path journal;
    private RealCommand command;

    @BeforeEach
    void tune() throws IOException {
        model = TestModel.write(temp.resolve("model"), DType.BF16, 2, 64);
        Path data = TestModel.data(temp.resolve("ids.jsonl"), 6);
        Path out = temp.resolve("out");
        journal = out.resolve("journal.jsonl");
        command = new RealCommand(temp);
        command.done(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + data,
                        "--out=" + out,
                        "--steps=5",
                        "--batch-size=2",
                        "--lr=1e-4",
                        "--lr-schedule=linear"));
    }

    private List<String> show(String... more) {
        return RealCommand.with(List.of("journal", journal.toString()), more);
    }

    @Test
    void aWholeJournalIsShown() throws IOException {
        String text = command.done(show("--model=" + model));
        assertThat(text)
                .contains("journal  " + journal + ", version 4\n")
                .contains(", which " + model + " is\n")
                .contains(" (6 examples, ")
                .contains("steps    5\n")
                .contains("batch_size 2, micro_batch 2, shuffle true, lr 1.0E-4")
                .contains("lr       1.0E-4 at step 1, ")
                .contains("whole    all " + Files.size(journal) + " bytes\n")
                .containsPattern("run      0x[0-9a-f]{16}\n")
                .containsPattern(
                        "loss     [0-9.]+ at step 1, [0-9.]+ at step 5; mean of the first 1")
                .containsPattern("slope    [0-9.e-]+ in size in the mean, from .* at step \\d to");
        TestModel.setLastElement(model, 0x3c01);
        assertThat(command.done(show("--model=" + model)))
                .contains(", and " + model + " is another: ");
    }

    @Test
    void programsGetTheSame() throws IOException {
        JsonObject answer = Json.parseObject(command.done(show("--json", "--model=" + model)));
        assertThat(answer.integer("version")).isEqualTo(4);
        assertThat(answer.integer("steps")).isEqualTo(5);
        assertThat(answer.string("run")).startsWith("0x");
        assertThat(answer.object("header").string("data")).hasSize(32);
        assertThat(answer.integer("whole_bytes")).isEqualTo(Files.size(journal));
        assertThat(answer.has("damage")).isFalse();
        assertThat(answer.bool("base_fits", false)).isTrue();
        JsonObject first = Json.parseObject(Files.readAllLines(journal).get(1));
        JsonObject query = JsonObject.of((Map<?, ?>) first.array("queries").getFirst());
        List<?> losses = query.array("losses");
        assertThat(answer.object("loss").number("first"))
                .isEqualTo(((Double) losses.get(0) + (Double) losses.get(1)) / 2);
        assertThat(answer.object("lr").number("first")).isEqualTo(1e-4);
        assertThat(answer.object("lr").number("least"))
                .isEqualTo(answer.object("lr").number("last"));
    }

    @Test
    void aTornTailIsNoFault() throws IOException {
        Files.writeString(journal, "{\"step\":6,", StandardOpenOption.APPEND);
        assertThat(command.done(show()))
                .contains("; behind step 5 a torn tail of 10 bytes, which --resume cuts off\n");
        assertThat(Json.parseObject(command.done(show("--json"))).integer("torn_bytes"))
                .isEqualTo(10);
    }

    @Test
    void damageInTheMiddleIsShownAndTheStepsBeforeItCanBeHad() throws IOException {
        List<String> lines = Files.readAllLines(journal);
        lines.set(4, lines.get(4).replace("\"lr\":", "\"lr\":1"));
        Files.write(journal, lines);
        assertThat(command.damaged(show()))
                .contains("steps    3\n", "whole    up to step 3, ", "replay --until 3'")
                .contains("millrace: " + journal + ", line 5: crc32c is ");
        assertThat(command.damaged(show("--json"))).contains("\"damage\":\"" + journal);
        List<String> replay =
                List.of(
                        "replay",
                        "--model=" + model,
                        "--journal=" + journal,
                        "--out=" + temp.resolve("replayed"));
        assertThat(command.refused(replay)).contains(journal + ", line 5: ");
        assertThat(command.refused(RealCommand.with(replay, "--until=4")))
                .contains(journal + ", line 5: ");
        assertThat(command.done(RealCommand.with(replay, "--until=3")))
                .isEqualTo("replayed 3 steps: " + temp.resolve("replayed") + "\n");
    }

    @Test
    void whatIsNoJournalIsRefused() throws IOException {
        Files.writeString(journal, "{\"millrace_journal\":3}\n");
        assertThat(command.refused(show())).contains(journal + ", line 1: ");
        Files.delete(journal);
        assertThat(command.refused(show())).contains(journal + ": no such file");
    }
}
