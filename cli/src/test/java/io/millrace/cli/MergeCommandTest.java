package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code millrace merge} prints, and what it leaves behind. */
class MergeCommandTest {
    private static final String Q = "model.layers.1.self_attn.q_proj.weight";

    @TempDir Path temp;
    private Path model;
    private Path out;
    private RealCommand command;

    @BeforeEach
    void write() {
        model = TestModel.write(temp.resolve("model"), DType.BF16, 2, 64);
        out = temp.resolve("merged");
        command = new RealCommand(temp);
    }

    private List<String> merge(Path adapter, String... more) {
        return RealCommand.with(
                List.of("merge", "--model=" + model, "--adapter=" + adapter, "--out=" + out), more);
    }

    private Path adapter() {
        return new TestAdapter(2, 64).write(temp.resolve("adapter"));
    }

    @Test
    void aMergeSaysWhatItChangedAndItsModelIsAModel() {
        assertThat(command.done(merge(adapter())))
                .matches(
                        "merged 2 matrices of rank 4, rounded once to BF16; [0-9.]+KiB of weights: "
                                + out
                                + "\n");
        try (SafetensorsFile before = SafetensorsFile.open(TestModel.weights(model));
                SafetensorsFile after = SafetensorsFile.open(TestModel.weights(out))) {
            assertThat(after.tensors().keySet()).isEqualTo(before.tensors().keySet());
            for (String name : before.tensors().keySet()) {
                float[] old = before.readFloats(name);
                boolean changed = name.endsWith("q_proj.weight");
                assertThat(after.readFloats(name))
                        .as(name)
                        .satisfies(values -> {
                            if (changed) {
                                assertThat(values).isNotEqualTo(old);
                            } else {
                                assertThat(values).isEqualTo(old);
                            }
                        });
            }
        }
        assertThat(command.refused(merge(adapter()))).contains(out + ": is not empty; ");
        assertThat(
                        command.refused(
                                List.of(
                                        "merge",
                                        "--model=" + model,
                                        "--adapter=" + adapter(),
                                        "--out=" + model)))
                .contains(model + ": is not empty; ");
    }

    @Test
    void theAnswerInJsonHasEveryMatrix() {
        JsonObject answer = Json.parseObject(command.done(merge(adapter(), "--json")));
        assertThat(answer.string("out")).isEqualTo(out.toString());
        assertThat(answer.integer("bytes")).isPositive();
        assertThat(answer.array("matrices")).hasSize(2);
        JsonObject last = JsonObject.of((Map<?, ?>) answer.array("matrices").getLast());
        assertThat(last.string("module")).isEqualTo("model.layers.1.self_attn.q_proj");
        assertThat(last.string("tensor")).isEqualTo(Q);
        assertThat(last.integer("rank")).isEqualTo(4);
        assertThat(last.number("scale")).isEqualTo(2);
        assertThat(last.string("dtype")).isEqualTo("BF16");
        assertThat(last.array("shape")).hasToString("[64, 64]");
    }

    @Test
    void aWeightThatDoesNotFitLeavesNoFolderBehind() throws IOException {
        model = TestModel.write(temp.resolve("half"), DType.F16, 2, 64);
        TestAdapter large = new TestAdapter(2, 64);
        large.set(TestAdapter.first(1), 0, 3e4f);
        large.set(TestAdapter.second(1), 0, 3e4f);
        Path adapter = large.write(temp.resolve("large"));
        assertThat(command.refused(merge(adapter)))
                .contains("tensor '" + Q + "' with the adapter has Infinity at element 0")
                .contains("merge into a base that is stored as bfloat16 or float32");
        Files.createDirectory(out);
        assertThat(command.refused(merge(adapter))).contains("Infinity at element 0");
        assertThat(out).isEmptyDirectory();
    }

    @Test
    void whatACrashLeftIsWrittenOver() throws IOException {
        command.done(merge(adapter()));
        byte[] whole = Files.readAllBytes(TestModel.weights(out));
        out = temp.resolve("crashed");
        Files.createDirectory(out);
        Files.writeString(out.resolve("model.safetensors.part"), "half of it");
        Files.writeString(out.resolve("config.json.part"), "{");
        command.done(merge(adapter()));
        assertThat(TestModel.weights(out)).hasBinaryContent(whole);
        assertThat(out).isDirectoryNotContaining("glob:**.part");
    }

    @Test
    void aTerminalShowsWhatIsWritten() {
        CommandRun run = new CommandRun();
        run.terminal = true;
        assertThat(run.run("merge", "--model", "m", "--adapter", "a", "--out", "o")).isZero();
        assertThat(run.err.toString()).isEqualTo("\r\u001b[Kwritten 64.00MiB\r\u001b[K");
        assertThat(run.out.toString())
                .isEqualTo(
                        "merged 1 matrix of rank 2, rounded once to BF16; 64.00MiB of weights:"
                                + " o\n");

        run.engine.failure = new BadInputException("a", "is no adapter", "give one");
        assertThat(run.run("merge", "--model", "m", "--adapter", "a", "--out", "o")).isEqualTo(2);
        assertThat(run.err.toString()).isEqualTo("millrace: a: is no adapter; give one\n");
    }
}
