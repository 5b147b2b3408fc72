package io.millrace.executor.stranger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.RunOptions;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What somebody else writes, one file and one line of a service each: a direction, an update rule
 * and an architecture go where the project's own go.
 */
class StrangersTest {
    @TempDir Path temp;
    private Path model;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        Map<String, Object> fields = new LinkedHashMap<>(Golden.json("llama/config.json").fields());
        fields.put("model_type", "toy-llama");
        fields.put("num_hidden_layers", 6L);
        model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.BF16,
                7,
                model,
                bytes -> {});
        data = Runs.data(temp, 31, 10);
    }

    @ParameterizedTest
    @CsvSource({"toy, mezo-sgd", "gaussian, toy-sign", "toy, toy-sign", "low-rank, toy-sign"})
    void aStrangersMethodTunesStreamsResumesAndReplays(String direction, String rule)
            throws IOException {
        Map<String, byte[]> expected =
                Runs.result(run("memory", direction, rule, MemoryConfig.DEFAULT));

        long least =
                Runs.smallestBudget(budget ->
                        config(
                                "probe" + budget,
                                direction,
                                rule,
                                Runs.host(DeviceName.CPU, budget)));
        Runs.assertSame(
                run("streamed", direction, rule, Runs.host(DeviceName.CPU, least)),
                expected,
                "streamed");
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(run("emulated", direction, rule, emulated), expected, "emulated");

        TuneConfigBuilder stopped =
                config("resumed", direction, rule, Runs.host(DeviceName.CPU, least));
        assertThat(TuningRun.run(stopped.build(), Runs.stopAfter(3)).interrupted()).isTrue();
        TuneConfigBuilder goesOn =
                config("resumed", direction, rule, MemoryConfig.DEFAULT).resume(true);
        Runs.assertSame(
                TuningRun.run(goesOn.build(), RunListener.SILENT).out(), expected, "resumed");

        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, temp.resolve("memory").resolve("journal.jsonl"), rebuilt);
        assertThat(Files.readAllBytes(rebuilt.resolve("model.safetensors")))
                .isEqualTo(expected.get("model.safetensors"));
    }

    @Test
    void theJournalSaysWhatAStrangerGoesBy() throws IOException {
        Path out = run("fields", "toy", "toy-sign", MemoryConfig.DEFAULT);

        assertThat(JournalReader.read(out.resolve("journal.jsonl")).header().extra())
                .containsEntry("toy_salt", 5L)
                .containsEntry("toy_shrink", 0.625)
                .doesNotContainKeys("rank", "beta");
        assertThat(Files.readString(out.resolve("run.json"))).contains("\"toy-salt\" : 5");
        TuneConfigBuilder other =
                config("fields", "toy", "toy-sign", MemoryConfig.DEFAULT)
                        .method(ToyDirection.SALT, 4)
                        .resume(true);
        assertThatThrownBy(() -> TuningRun.run(other.build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("'toy_salt' is 5, and this run has 4; give --toy-salt 5");
    }

    @Test
    void anOptionOfAStrangersMethodIsAnOptionOfEveryRunButOfNoOtherMethod() {
        assertThat(RunOptions.byName())
                .containsEntry("toy-salt", ToyDirection.SALT)
                .containsEntry("toy-shrink", ToyRule.SHRINK);
        Settings told =
                Settings.NONE
                        .with(TuneConfig.MODEL, model)
                        .with(DataConfig.TRAIN, data)
                        .with(OutputConfig.OUT, temp)
                        .with(ToyDirection.SALT, 4);
        assertThatThrownBy(() -> TuneConfig.builder(told))
                .isInstanceOf(BadInputException.class)
                .hasMessage(
                        "--toy-salt: gaussian has no use for it;"
                                + " give --perturbation toy, or leave it out");
        Settings toy = told.with(Directions.KINDS.naming(), "toy");
        assertThat(TuneConfig.builder(toy).build().options()).containsEntry("toy-salt", 4);
        assertThatThrownBy(() -> told.with(ToyDirection.SALT, 0))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--toy-salt: 0 is too small");
    }

    @Test
    void aCardRefusesADirectionThatNoKernelMakes() {
        MemoryConfig card = Runs.memory(DeviceName.cuda(0), OptionalLong.empty());
        assertThatThrownBy(() -> run("card", "toy", "mezo-sgd", card))
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll("'toy'", "gaussian, rademacher");
    }

    @Test
    void everyPartOfAStrangersDirectionIsAPartOfTheWhole() {
        ToyDirection toy = new ToyDirection(3);
        float[] whole = new float[1000];
        toy.fill(5, 2, 0, whole, 0, whole.length);
        float[] part = new float[300];
        toy.fill(5, 2, 411, part, 0, part.length);
        assertThat(part).containsExactly(java.util.Arrays.copyOfRange(whole, 411, 711));
    }

    private Path run(String name, String direction, String rule, MemoryConfig memory) {
        return TuningRun.run(config(name, direction, rule, memory).build(), RunListener.SILENT)
                .out();
    }

    private TuneConfigBuilder config(
            String name, String direction, String rule, MemoryConfig memory) {
        return Runs.config(model, data, temp.resolve(name))
                .perturbation(direction)
                .rank(3)
                .window(2)
                .method(ToyDirection.SALT, 5)
                .optimizer(rule)
                .method(ToyRule.SHRINK, 0.625)
                .memory(memory);
    }
}
