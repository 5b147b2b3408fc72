package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
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
import org.junit.jupiter.params.provider.ValueSource;

/** What a run refuses, its plan refuses, in the same words. */
class PlanAsTuneTest {
    private static final String RATES =
            """
            {"nvme": {"read_bytes_per_second": 7e9, "write_bytes_per_second": 5e9},
             "host": {"copy_bytes_per_second": 1e10, "memory_bytes": 68719476736, "cores": CORES},
             "device": {"name": "cpu", "matmul_flops_per_second": {"float32": 1e11},
                        "h2d_bytes_per_second": 1e10, "d2h_bytes_per_second": 1e10}}
            """;

    private static final String LONGEST = "--seq-len=21"; // what the data has

    @TempDir Path temp;
    private RealCommand command;
    private List<String> plan;
    private List<String> tune;

    @BeforeEach
    void writeModel() throws IOException {
        Path model = TestModel.write(temp.resolve("model"), DType.BF16, 3, 64);
        Path data = TestModel.data(temp.resolve("ids.jsonl"), 6);
        Path machine =
                Files.writeString(
                        temp.resolve("machine.json"),
                        RATES.replace(
                                "CORES",
                                Integer.toString(Runtime.getRuntime().availableProcessors())));
        command = new RealCommand(temp);
        plan = List.of("plan", "--model=" + model, "--machine=" + machine);
        tune =
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + data,
                        "--out=" + temp.resolve("out"),
                        "--steps=2");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--batch-size=0",
                "--batch-size=1 --micro-batch=4",
                "--micro-batch=0",
                "--micro-batch=17",
                "--seq-len=1",
                "--seq-len=65",
                "--batch-size=2000000000 --micro-batch=2000000000",
                "--queries=0",
                "--queries=2000000000 --micro-batch=16",
                "--optimizer=none",
                "--optimizer=lozo-m",
                "--perturbation=none",
                "--rank=0",
                "--rank=0 --perturbation=low-rank",
                "--rank=65 --perturbation=low-rank",
                "--rank=2000000000 --perturbation=low-rank",
                "--window=0",
                "--window=10 --fold-every=3 --perturbation=low-rank",
                "--fold-every=0",
                "--dtype=int8",
                "--dtype=int64",
                "--dtype=bool",
                "--matmul=tf32",
                "--matmul=fp8",
                "--device=tpu",
                "--device-budget=0 --device=emulated",
                "--device-budget=1GiB",
                "--host-budget=0",
                "--nvme-budget=1GiB",
                "--prefetch=0"
            })
    void whatARunRefusesItsPlanRefuses(String options) {
        String[] words = options.split(" ", -1);
        String refusal = command.refused(RealCommand.with(tune, words));
        List<String> asLong =
                options.contains("--seq-len") ? plan : RealCommand.with(plan, LONGEST);
        // What cannot even be parsed is explained by the help of the command that was given.
        assertThat(command.refused(RealCommand.with(asLong, words)))
                .isEqualTo(refusal.replace("millrace tune --help", "millrace plan --help"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--host-budget=1KiB", "--device-budget=4KiB --device=emulated"})
    void aBudgetThatIsTooSmallForARunIsForItsPlan(String options) {
        String[] words =
                RealCommand.with(List.of(options.split(" ", -1)), "--micro-batch=16")
                        .toArray(String[]::new);
        String refusal = command.refused(RealCommand.with(tune, words));
        assertThat(refusal).contains("give at least");
        assertThat(command.refused(RealCommand.with(RealCommand.with(plan, LONGEST), words)))
                .isEqualTo(refusal);
    }

    @Test
    void aPlanOfThisMachineLooksAtItsFolders() {
        String option = "--nvme-dir=/proc/version";
        String refusal = command.refused(RealCommand.with(tune, option));
        assertThat(command.refused(List.of("plan", plan.get(1), option))).isEqualTo(refusal);
        assertThat(command.refused(RealCommand.with(plan, "--plot=/nope/sweep.svg")))
                .contains("--plot: there is no folder /nope");
        // Another machine has other folders.
        assertThat(command.done(RealCommand.with(plan, option))).contains("/proc/version");
    }

    @Test
    void whatAPlanPrintsARunTakes() {
        String text =
                command.done(
                        RealCommand.with(
                                plan,
                                "--batch-size=4",
                                "--micro-batch=2",
                                "--queries=2",
                                "--perturbation=rademacher",
                                "--optimizer=mezo-adam",
                                "--fold-every=2",
                                "--dtype=float32"));
        assertThat(text)
                .contains(
                        "--batch-size 4 --micro-batch 2",
                        "--queries 2",
                        "--perturbation rademacher",
                        "--optimizer mezo-adam",
                        "--fold-every 2",
                        "--dtype float32");
        command.done(RealCommand.with(tune, runLine(text)));
    }

    @Test
    void aLowRankRunIsPlannedWithAllOfIt() {
        List<String> lowRank =
                RealCommand.with(
                        plan,
                        "--batch-size=4",
                        "--perturbation=low-rank",
                        "--rank=3",
                        "--window=10",
                        "--optimizer=lozo-m",
                        "--fold-every=5");
        String text = command.done(lowRank);
        assertThat(text)
                .contains(
                        "low-rank z of rank 3, window 10, lozo-m, fold every 5",
                        "--perturbation low-rank --rank 3 --window 10 --optimizer lozo-m"
                                + " --fold-every 5");
        command.done(RealCommand.with(tune, runLine(text)));
        JsonObject json = Json.parseObject(command.done(RealCommand.with(lowRank, "--json")));
        assertThat(json.string("perturbation")).isEqualTo("low-rank");
        assertThat(json.integer("rank")).isEqualTo(3);
        assertThat(json.integer("window")).isEqualTo(10);
        assertThat(json.string("optimizer")).isEqualTo("lozo-m");
        assertThat(json.integer("fold_every")).isEqualTo(5);
        assertThat(json.array("sweep")).isNotEmpty();
    }

    @Test
    void aLoraIsPlannedInMemoryOfItsOwn() {
        String[] lora = {
            "--tune=lora",
            "--lora-rank=3",
            "--lora-targets=q_proj,o_proj",
            "--optimizer=zo-adam",
            "--batch-size=2",
            "--micro-batch=2"
        };
        List<String> asked = RealCommand.with(RealCommand.with(plan, LONGEST), lora);
        JsonObject json = Json.parseObject(command.done(RealCommand.with(asked, "--json")));
        // Two factors [3, 64] of two modules in three layers, with two numbers of state for each.
        assertThat(json.integer("beside_bytes")).isBetween(3L * 2 * 2 * 3 * 64 * 3 * 4, 36864L);
        assertThat(json.object("bytes_per_step").integer("nvme-write")).isZero();
        long least = json.object("minimum_bytes").integer("host");

        String text = command.done(RealCommand.with(asked, "--host-budget=" + least));
        assertThat(text).contains("are what is tuned beside the model, its states included");
        assertThat(command.refused(RealCommand.with(asked, "--host-budget=" + (least - 1))))
                .isEqualTo(
                        command.refused(
                                RealCommand.with(
                                        RealCommand.with(tune, lora),
                                        "--host-budget=" + (least - 1))));
        command.done(RealCommand.with(tune, runLine(text)));
        assertThat(temp.resolve("out").resolve("adapter_model.safetensors")).exists();
    }

    /** The options that a plan ends with. */
    private static String[] runLine(String text) {
        String line =
                text.lines().filter(one -> one.startsWith("Run it:")).findFirst().orElseThrow();
        return line.substring(line.indexOf("--")).split(" ", -1);
    }
}
