package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code millrace export} prints, and what it refuses in one line. */
class ExportCommandTest {
    @TempDir Path temp;
    private Path model;
    private Path data;
    private Path adapter;
    private RealCommand command;

    @BeforeEach
    void write() throws IOException {
        model = TestModel.write(temp.resolve("model"), DType.BF16, 2, 64);
        data = TestModel.data(temp.resolve("ids.jsonl"), 6);
        adapter = temp.resolve("adapter");
        command = new RealCommand(temp);
    }

    private Path tune(String out, String... more) {
        command.done(
                RealCommand.with(
                        List.of(
                                "tune",
                                "--model=" + model,
                                "--train=" + data,
                                "--out=" + temp.resolve(out),
                                "--steps=5",
                                "--batch-size=2",
                                "--lr=1e-3"),
                        more));
        return temp.resolve(out).resolve("journal.jsonl");
    }

    private Path lozo(String out, String... more) {
        return tune(out, RealCommand.with(List.of("--method=lozo"), more).toArray(String[]::new));
    }

    private List<String> export(Path journal, String... more) {
        return RealCommand.with(
                List.of(
                        "export",
                        "--peft",
                        "--model=" + model,
                        "--journal=" + journal,
                        "--out=" + adapter),
                more);
    }

    @Test
    void aRunBecomesAnAdapterAndItsTableSaysWhatACutCosts() {
        Path journal = lozo("out", "--tune=matrices", "--window=2", "--rank=4");
        assertThat(command.done(export(journal)))
                .startsWith("5 steps in 3 windows: rank 12 beside 16 matrices: " + adapter + "\n")
                .contains("the run rounded its weights to BF16; the adapter is the change before")
                .containsPattern("memory: one matrix at a time, [0-9.]+KiB\n");
        assertThat(command.refused(export(journal))).contains(adapter + ": is not empty; ");

        adapter = temp.resolve("cut");
        assertThat(command.done(export(journal, "--rank=5")))
                .containsPattern("module +matrix +rank +relative error\n")
                .containsPattern(
                        "model\\.layers\\.1\\.mlp\\.down_proj +64 x 170 +5 +[0-9]\\.[0-9]{2}e-01\n")
                .containsPattern(", cut down to 5 with a relative error of [0-9]\\.[0-9]{2}e-01: ");

        adapter = temp.resolve("told");
        JsonObject answer = Json.parseObject(command.done(export(journal, "--rank=5", "--json")));
        assertThat(answer.integer("rank")).isEqualTo(12);
        assertThat(answer.number("relative_error")).isBetween(0.1, 1.0);
        assertThat(answer.string("rounded_to")).isEqualTo("BF16");
        assertThat(answer.array("matrices")).hasSize(16);
        JsonObject first = JsonObject.of((Map<?, ?>) answer.array("matrices").getFirst());
        assertThat(first.string("module")).isEqualTo("model.embed_tokens");
        assertThat(first.integer("rank")).isEqualTo(5);
        assertThat(first.number("relative_error")).isBetween(0.1, 1.0);
    }

    @Test
    void vectorsAreLeftOutWhereThatIsAskedFor() {
        Path journal = lozo("out");
        assertThat(command.refused(export(journal)))
                .contains(journal + ", line 1: the run tuned 5 vectors, whose change has a norm of")
                .endsWith("; tune with --tune matrices, or leave them out with --drop-vectors\n");
        assertThat(command.done(export(journal, "--drop-vectors")))
                .contains("\nleft out: 5 vectors, whose change has a norm of ");
        assertThat(adapter).isDirectory();
    }

    @Test
    void runsThatAreNoAdapterAreRefused() {
        Path dense = tune("dense");
        assertThat(command.refused(export(dense)))
                .contains(dense + ", line 1: field 'direction': is gaussian, and steps along");
        Path decayed = lozo("decayed", "--tune=matrices", "--weight-decay=0.1");
        assertThat(command.refused(export(decayed)))
                .contains(decayed + ", step 1: weight decay of 0.1 shrinks whole matrices")
                .contains("; tune with --weight-decay 0, or ");
        assertThat(command.refused(export(decayed, "--rank=0"))).contains("--rank: 0 is below 1; ");
        List<String> formless = new ArrayList<>(export(decayed));
        formless.set(1, "--peft=false");
        assertThat(command.refused(formless)).contains("--peft: is false, ");
    }

    @Test
    void anotherBaseAndADamagedJournalAreRefused() throws IOException {
        Path journal = lozo("out", "--tune=matrices");
        byte[] weights = Files.readAllBytes(TestModel.weights(model));
        TestModel.setLastElement(model, 0x3c01);
        assertThat(command.refused(export(journal)))
                .contains(journal + ": field 'base' is ")
                .endsWith("; give the folder that the run began from\n");
        Files.write(TestModel.weights(model), weights);

        String whole = Files.readString(journal);
        Files.writeString(journal, "{\"step\":6,", StandardOpenOption.APPEND);
        assertThat(command.refused(export(journal))).contains(", line 7: is cut off, so step 6");
        Files.writeString(journal, whole.replaceFirst("\"lr\":", "\"lr\":1"));
        assertThat(command.refused(export(journal))).contains(journal + ", line 1: crc32c is ");
        Files.writeString(journal, whole.lines().findFirst().orElseThrow() + "\n");
        assertThat(command.refused(export(journal))).contains(journal + ": has no step yet; ");
        Files.writeString(journal, whole);
        command.done(export(journal));
    }

    @Test
    void aTunedModelLeavesInOtherForms() {
        Path gguf = temp.resolve("model.gguf");
        String said =
                command.done(
                        List.of(
                                "export",
                                "--gguf",
                                "--dtype=q8_0",
                                "--model=../samples/tiny-lm",
                                "--out=" + gguf));
        assertThat(said).contains("56 tensors in Q8_0");
        assertThat(gguf).isRegularFile();
        command.done(
                List.of(
                        "export",
                        "--safetensors",
                        "--dtype=f32",
                        "--safetensors-shard-size=2MB",
                        "--model=../samples/tiny-lm",
                        "--out=" + temp.resolve("wide")));
        assertThat(temp.resolve("wide/model.safetensors.index.json")).isRegularFile();
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() {
        List<String> line =
                List.of("export", "--model=../samples/tiny-lm", "--out=" + temp.resolve("out"));
        assertThat(command.refused(RealCommand.with(line, "--peft")))
                .contains("--journal: there is none, and no --adapter");
        assertThat(command.refused(RealCommand.with(line, "--gguf", "--journal=a.jsonl")))
                .contains("--journal: is for --peft");
        assertThat(command.refused(RealCommand.with(line, "--gguf", "--dtype=int4")))
                .contains("--dtype: 'int4' is no type of a GGUF file's");
        assertThat(command.refused(RealCommand.with(line, "--safetensors", "--dtype=q8_0")))
                .contains("--dtype: 'q8_0' is no dtype of weights");
        assertThat(
                        command.refused(
                                RealCommand.with(line, "--gguf", "--safetensors-shard-size=5GB")))
                .contains("is for safetensors");
    }
}
