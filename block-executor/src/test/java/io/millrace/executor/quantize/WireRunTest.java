package io.millrace.executor.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.adapter.WireConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.quantize.QuantForms;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Runs whose base moves as a copy of fewer bits: they are what a run of that copy would be, and are
 * of the base.
 */
class WireRunTest {
    private static final int GROUP = 32;
    private static final int STEPS = 4;

    @TempDir Path temp;
    private Path model;
    private Path data;
    private Path drive;

    @BeforeEach
    void makeModel() throws IOException {
        model = Runs.model(temp.resolve("model"), "llama", "BF16", 2, 64, 96);
        data = Runs.data(temp, 77, 10);
        drive = Files.createDirectory(temp.resolve("drive"));
    }

    @ParameterizedTest
    @CsvSource({"int4, lora, 32", "int8, prefix, 32", "fp8, lora, 32", "nf4, lora, 64"})
    void areTheRunsOfAQuantisedModel(String form, String tune, int group) throws IOException {
        Path quantised = temp.resolve("quantised");
        Quantization.run(
                new QuantizeConfig(
                        model,
                        QuantForms.find(form).orElseThrow(),
                        group,
                        quantised,
                        Optional.empty(),
                        Optional.empty(),
                        new TaskConfig(Settings.NONE),
                        MemoryConfig.DEFAULT),
                bytes -> {});
        Path direct = temp.resolve("direct");
        TuningRun.run(
                Runs.config(quantised, data, direct).steps(STEPS).tune(tune).build(),
                RunListener.SILENT);
        TuneConfigBuilder config = config("wired", form, tune, memory(OptionalLong.empty()));
        Path wired =
                TuningRun.run(config.method(WireConfig.GROUP, group).build(), RunListener.SILENT)
                        .out();
        if (tune.equals("lora")) { // a prefix begins with what the base computes
            assertThat(steps(wired)).isEqualTo(steps(direct));
        }
        JsonObject wire =
                Json.parseObject(Files.readString(wired.resolve("run.json"))).object("wire");
        assertThat(wire.string("format")).isEqualTo(form);
        assertThat(wire.number("relative_rms")).isBetween(1e-4, 0.2);
        assertThat(wire.array("worst")).hasSize(3);
        assertThat(wire.integer("bytes_after")).isLessThan(wire.integer("bytes_before"));
        assertThat(Files.readString(wired.resolve("adapter_config.json")))
                .contains(model.toString())
                .doesNotContain("drive");

        Path again = temp.resolve("again");
        Replay.run(model, wired.resolve("journal.jsonl"), again);
        assertThat(Files.mismatch(adapter(again), adapter(wired))).isEqualTo(-1);
    }

    @Test
    void endWithTheSameBytesWhereverTheCopyLies() throws IOException {
        Map<String, byte[]> expected =
                Runs.result(run("memory", "int4", "lora", memory(OptionalLong.empty())));
        FileTime made = Files.getLastModifiedTime(facts());
        long least =
                Runs.smallestBudget(budget ->
                        config("probe" + budget, "int4", "lora", memory(OptionalLong.of(budget))));
        Path streamed = run("streamed", "int4", "lora", memory(OptionalLong.of(least)));
        Runs.assertSame(streamed, expected, "streamed");
        Path resumed = temp.resolve("resumed");
        TuneConfigBuilder stopped =
                config("resumed", "int4", "lora", memory(OptionalLong.of(least)));
        assertThat(TuningRun.run(stopped.build(), Runs.stopAfter(2)).interrupted()).isTrue();
        TuneConfigBuilder goesOn =
                config("resumed", "int4", "lora", memory(OptionalLong.empty())).resume(true);
        TuningRun.run(goesOn.build(), RunListener.SILENT);
        Runs.assertSame(resumed, expected, "resumed");
        assertThat(Files.getLastModifiedTime(facts())).isEqualTo(made);

        // What a copy lost on its drive is made again.
        Path weights = facts().resolveSibling("model").resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length / 2] ^= 1;
        Files.write(weights, bytes);
        Runs.assertSame(
                run("damaged", "int4", "lora", memory(OptionalLong.empty())), expected, "damaged");
        assertThat(Files.getLastModifiedTime(facts())).isNotEqualTo(made);
    }

    @Test
    void ofAnotherBaseIsAnotherCopy() throws IOException {
        run("one", "int4", "lora", memory(OptionalLong.empty()));
        Path first = facts();
        Files.delete(model.resolve("model.safetensors"));
        Files.delete(model.resolve("config.json"));
        Files.delete(model);
        model = Runs.model(temp.resolve("model"), "llama", "F32", 2, 64, 96);
        assertThatThrownBy(() -> resume("one"))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("'base'");
        run("other", "int4", "lora", memory(OptionalLong.empty()));
        try (Stream<Path> copies = Files.list(drive)) {
            assertThat(copies.filter(copy -> copy.getFileName().toString().startsWith("wire-")))
                    .hasSize(2)
                    .contains(first.getParent());
        }
    }

    private void resume(String out) {
        TuningRun.run(
                config(out, "int4", "lora", memory(OptionalLong.empty())).resume(true).build(),
                RunListener.SILENT);
    }

    @Test
    void areRefusedWhereTheyHaveNoMeaning() throws IOException {
        assertRefused(
                config("full", "int4", "full", memory(OptionalLong.empty())),
                "--wire: the model's own tensors cannot be tuned");
        assertRefused(
                Runs.config(model, data, temp.resolve("none"))
                        .tune("lora")
                        .method(WireConfig.GROUP, 32),
                "--wire-group: nothing moves in groups");
        assertRefused(
                Runs.config(model, data, temp.resolve("none"))
                        .tune("lora")
                        .method(WireConfig.WIRE, "int4")
                        .method(WireConfig.GROUP, 32),
                "--wire: there is no folder");
        assertRefused(
                config("group", "int4", "lora", memory(OptionalLong.empty()))
                        .method(WireConfig.GROUP, 48),
                "--wire-group: 48 does not divide the 64 inputs");
        assertRefused(
                config("group", "nf4", "lora", memory(OptionalLong.empty())),
                "--wire-group: 32 is no block size of bitsandbytes");
        assertRefused(
                config(
                        "small",
                        "int4",
                        "lora",
                        new MemoryConfig(
                                DeviceName.CPU,
                                OptionalLong.empty(),
                                OptionalLong.empty(),
                                Optional.of(drive),
                                OptionalLong.of(10_000),
                                2,
                                true)),
                "--nvme-budget");
        run("one", "int4", "lora", memory(OptionalLong.empty()));
        Path copy = facts().resolveSibling("model");
        assertRefused(
                Runs.config(copy, data, temp.resolve("twice"))
                        .tune("lora")
                        .memory(memory(OptionalLong.empty()))
                        .method(WireConfig.WIRE, "int4")
                        .method(WireConfig.GROUP, GROUP),
                "is quantised already");
        for (String out : List.of("full", "none", "group", "small", "twice")) {
            assertThat(temp.resolve(out)).doesNotExist();
        }
    }

    private static void assertRefused(TuneConfigBuilder config, String message) {
        assertThatThrownBy(() -> TuningRun.run(config.build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(message);
    }

    private Path run(String out, String form, String tune, MemoryConfig memory) {
        return TuningRun.run(config(out, form, tune, memory).build(), RunListener.SILENT).out();
    }

    private TuneConfigBuilder config(String out, String form, String tune, MemoryConfig memory) {
        return Runs.config(model, data, temp.resolve(out))
                .steps(STEPS)
                .tune(tune)
                .memory(memory)
                .method(WireConfig.WIRE, form)
                .method(WireConfig.GROUP, GROUP);
    }

    private MemoryConfig memory(OptionalLong host) {
        return new MemoryConfig(
                DeviceName.CPU,
                OptionalLong.empty(),
                host,
                Optional.of(drive),
                OptionalLong.empty(),
                2,
                true);
    }

    private Path facts() throws IOException {
        try (Stream<Path> copies = Files.list(drive)) {
            return copies.filter(copy -> copy.getFileName().toString().startsWith("wire-"))
                    .findFirst()
                    .orElseThrow()
                    .resolve("wire.json");
        }
    }

    private static Path adapter(Path folder) {
        return folder.resolve("adapter_model.safetensors");
    }

    private static List<String> steps(Path out) throws IOException {
        List<String> lines = Files.readAllLines(out.resolve("journal.jsonl"));
        return lines.subList(1, lines.size());
    }
}
