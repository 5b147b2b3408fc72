package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code millrace push} would send, and what it refuses in one line; nothing is sent here. */
class PushCommandTest {
    @TempDir Path temp;
    private Path model;
    private RealCommand command;

    @BeforeEach
    void write() throws IOException {
        model = TestModel.write(temp.resolve("model"), DType.BF16, 2, 64);
        Files.writeString(model.resolve("README.md"), "# a page\n");
        Files.writeString(model.resolve("journal.jsonl"), "{}\n");
        Files.writeString(model.resolve("run.json"), "{}");
        command = new RealCommand(temp);
    }

    private List<String> push(String... more) {
        return RealCommand.with(List.of("push", model.toString(), "--to=org/tiny"), more);
    }

    @Test
    void aDryRunSaysWhatWouldGoAndWhatNot() {
        assertThat(command.done(push("--dry-run")))
                .contains(" config.json\n", " model.safetensors\n", " README.md\n")
                .endsWith("left out: journal.jsonl, run.json\nthe model, would go to org/tiny\n");
        JsonObject answer =
                Json.parseObject(command.done(push("--dry-run", "--revision=tuned", "--json")));
        assertThat(answer.string("kind")).isEqualTo("model");
        assertThat(answer.string("repository")).isEqualTo("org/tiny");
        assertThat(answer.string("revision")).isEqualTo("tuned");
        assertThat(answer.has("commit")).isFalse();
        assertThat(answer.array("left_out")).hasSize(2);
    }

    @Test
    void anAdapterGoesWithoutItsBase() throws IOException {
        Path adapter = temp.resolve("adapter");
        new TestAdapter(2, 64).write(adapter);
        Files.writeString(adapter.resolve("metrics.jsonl"), "");
        List<String> line = List.of("push", adapter.toString(), "--to=org/tiny", "--dry-run");
        assertThat(command.done(line))
                .contains("adapter_config.json\n", "adapter_model.safetensors\n")
                .endsWith("left out: metrics.jsonl\nthe adapter, would go to org/tiny\n");
        Path weights = adapter.resolve("adapter_model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        Files.write(weights, Arrays.copyOf(bytes, bytes.length - 9));
        assertThat(command.refused(line)).contains(weights.toString());
        Files.delete(weights);
        assertThat(command.refused(line)).contains("no adapter_model.safetensors; ");
    }

    @Test
    void whatIsNoWholeModelIsRefusedBeforeTheHubIsAsked() throws IOException {
        assertThat(command.refused(List.of("push", temp.toString(), "--to=org/tiny")))
                .contains("config.json");
        assertThat(command.refused(List.of("push", temp + "/none", "--to=org/tiny")))
                .contains("there is no such folder");
        Path part = Files.writeString(model.resolve("model.safetensors.part"), "");
        assertThat(command.refused(push()))
                .contains(part + ": was never written to its end; write the folder again");
        Files.delete(part);
        Path weights = TestModel.weights(model);
        byte[] bytes = Files.readAllBytes(weights);
        Files.write(weights, Arrays.copyOf(bytes, bytes.length - 9));
        assertThat(command.refused(push("--dry-run"))).contains(weights.toString());
    }

    @Test
    void namesThatAreNoneAndAHubThatIsNotToBeReachedAreRefused() {
        assertThat(command.refused(push("--revision=a/b")))
                .contains("--revision: 'a/b' is no name of a branch; ");
        assertThat(command.refused(List.of("push", model.toString(), "--to=tiny")))
                .contains("--to: 'tiny' is no name of a repository; give one such as org/name");
        assertThat(command.refused(List.of("push", model.toString(), "--to=o/t@a", "--revision=b")))
                .contains("--revision: is given, and --to names a branch; ");
        assertThat(command.refused(push()))
                .contains("org/tiny: nothing goes to a hub without a network; go online");
    }
}
