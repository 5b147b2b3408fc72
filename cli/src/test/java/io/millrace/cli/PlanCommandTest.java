package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.cpu.op.Gemm;
import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

class PlanCommandTest {
    private static final List<String> WHAT_IF =
            List.of(
                    "plan",
                    "--arch",
                    "opt-175b",
                    "--gpu",
                    "rtx4090",
                    "--host-memory",
                    "128GiB",
                    "--nvme-drives",
                    "2");

    @TempDir Path temp;

    @Test
    void aPlanForProgramsHasEveryField() {
        JsonObject plan = Json.parseObject(run(RealCommand.with(WHAT_IF, "--json")));
        assertThat(plan.number("predicted_step_seconds")).isPositive();
        assertThat(plan.string("bound_lane"))
                .isIn("nvme-read", "h2d", "compute", "d2h", "nvme-write");
        List<?> placement = plan.array("placement");
        assertThat(placement).hasSize(97);
        assertThat(placement)
                .allSatisfy(row -> {
                    JsonObject home = JsonObject.of((Map<?, ?>) row);
                    assertThat(home.integer("block")).isBetween(0L, 96L);
                    assertThat(home.string("tier")).isIn("nvme", "host", "device");
                });
        assertThat(plan.object("peak_bytes").integer("device")).isLessThanOrEqualTo(24L << 30);
        assertThat(plan.object("peak_bytes").integer("host")).isLessThanOrEqualTo(128L << 30);
        assertThat(plan.object("peak_bytes").integer("nvme")).isPositive();
        assertThat(plan.object("minimum_bytes").integer("device"))
                .isLessThanOrEqualTo(plan.object("budgets").integer("device"));
        for (String lane : List.of("nvme-read", "h2d", "d2h", "nvme-write")) {
            assertThat(plan.object("bytes_per_step").integer(lane)).as(lane).isPositive();
        }
        assertThat(plan.array("sweep")).hasSizeGreaterThan(10);
    }

    @Test
    void aPlanForPeopleCanBeActedOn() {
        String text = run(RealCommand.with(WHAT_IF, "--batch-size", "32"));
        assertThat(text).contains("placement", "change first", "smallest budgets that work");
        assertThat(text).contains("Run it: millrace tune", "--micro-batch", "--device cuda:0");
        assertThat(text).contains("transfers hide behind computing from about");
    }

    @Test
    void severalWorkersAreForecastInEachMode() throws IOException {
        List<String> small =
                List.of("plan", "--arch", "gpt2", "--seq-len", "64", "--batch-size", "8");
        String text =
                run(RealCommand.with(small, "--workers", "4", "--network", "1GbE", "--simulate"));
        assertThat(text)
                .contains("workers        4 over 1GbE", "  pertp ", "  ddp ", "  2d ")
                .containsPattern("  auto .*4 of 4 busy, --micro-batch \\d; this plan")
                .contains(
                        "populations and FZOO spread best",
                        "run it with --workers 4 --micro-batch ")
                .containsPattern("\\n +4 +4 .* s .* %");
        Path plot = temp.resolve("workers.svg");
        JsonObject plan =
                Json.parseObject(
                        run(
                                RealCommand.with(
                                        small,
                                        "--workers",
                                        "8",
                                        "--parallel",
                                        "ddp",
                                        "--micro-batch",
                                        "1",
                                        "--simulate",
                                        "--plot",
                                        plot.toString(),
                                        "--json")));
        JsonObject workers = plan.object("workers");
        assertThat(workers.string("parallel")).isEqualTo("ddp");
        assertThat(workers.integer("micro_batches")).isEqualTo(8);
        assertThat(workers.number("predicted_step_seconds"))
                .isLessThan(plan.number("predicted_step_seconds") / 4);
        assertThat(workers.object("modes").object("pertp").integer("busy")).isEqualTo(2);
        assertThat(workers.array("simulated")).hasSize(4);
        assertThat(plot).content().startsWith("<svg").contains("with stragglers");
    }

    /** Options without a value, with several, and such as follow from others. */
    @Test
    void thePlannedRunIsSpelledAsACommandLineIs() {
        assertThat(run(RealCommand.with(WHAT_IF, "--method", "fzoo")))
                .containsPattern("Run it: .*--normalize( --|\\R)");
        String weights = "1,2" + ",1".repeat(22);
        assertThat(
                        run(
                                RealCommand.with(
                                        List.of(
                                                "plan",
                                                "--arch",
                                                "opt-1.3b",
                                                "--dtype",
                                                "bfloat16"),
                                        "--blocks",
                                        "weighted",
                                        "--block-weights",
                                        weights)))
                .containsPattern("Run it: .*--block-weights 1.0,2.0,1.0");
        assertThat(
                        run(
                                RealCommand.with(
                                        WHAT_IF,
                                        "--seq-len",
                                        "32",
                                        "--method",
                                        "mezo-svrg",
                                        "--anchor-batch",
                                        "16")))
                .containsPattern("Run it: .*--anchor-batch 16")
                .doesNotContain("--anchor-lr", "--fold-every");
    }

    @Test
    void float32OnACardIsPlannedInFullUnlessTf32IsAskedFor() {
        List<String> card = List.of("plan", "--arch", "opt-1.3b", "--gpu", "h100", "--dtype");
        String full = run(RealCommand.with(card, "float32"));
        String tf32 = run(RealCommand.with(card, "float32", "--matmul", "tf32"));
        assertThat(tf32).contains("--matmul tf32");
        assertThat(full).doesNotContain("--matmul");
        assertThat(seconds(RealCommand.with(card, "float32")))
                .isGreaterThan(3 * seconds(RealCommand.with(card, "float32", "--matmul", "tf32")));
        RealCommand command = new RealCommand(temp);
        assertThat(command.refused(RealCommand.with(card, "bfloat16", "--matmul", "tf32")))
                .contains("--matmul", "--dtype float32");
        assertThat(command.refused(List.of("plan", "--arch", "gpt2", "--matmul", "tf32")))
                .contains("--matmul", "cuda:0");
    }

    @Test
    void fp8IsPlannedWithItsMemoryAndNoFaster() {
        List<String> card = List.of("plan", "--arch", "opt-1.3b", "--dtype", "bfloat16", "--gpu");
        List<String> plain = RealCommand.with(card, "h100");
        List<String> fp8 = RealCommand.with(card, "h100", "--matmul", "fp8");
        assertThat(run(fp8)).contains("--matmul fp8", "fp8 products are reckoned as native ones");
        assertThat(run(plain)).doesNotContain("fp8");
        assertThat(scratch(fp8)).isGreaterThan(scratch(plain));
        assertThat(new RealCommand(temp).refused(RealCommand.with(card, "a100-80", "--matmul=fp8")))
                .contains("--matmul", "8.9", "a100-80 has 8.0");
    }

    private long scratch(List<String> arguments) {
        return Json.parseObject(run(RealCommand.with(arguments, "--json")))
                .integer("scratch_bytes");
    }

    @Test
    void bfloat16ProductsArePlannedWhereTheyWereMeasured() throws IOException {
        assumeTrue(Gemm.multipliesBFloat16());
        String rates =
                """
                {"nvme": {"read_bytes_per_second": 7e9, "write_bytes_per_second": 5e9},
                 "host": {"copy_bytes_per_second": 1e10, "memory_bytes": 68719476736, "cores": 8},
                 "device": {"name": "cpu", "matmul_flops_per_second": {"float32": 1e11},
                            "h2d_bytes_per_second": 1e10, "d2h_bytes_per_second": 1e10
                            ROUNDED}}
                """;
        Path file = temp.resolve("machine.json");
        List<String> plan = List.of("plan", "--arch", "gpt2", "--machine", file.toString());
        Files.writeString(file, rates.replace("ROUNDED", ""));
        RealCommand command = new RealCommand(temp);
        assertThat(command.refused(RealCommand.with(plan, "--matmul", "bf16")))
                .contains("--matmul", "millrace probe");
        String rounded =
                ", \"rounded_matmuls\":"
                        + " [{\"rows\": 64, \"inputs\": 64, \"flops_per_second\": 2e11}]";
        Files.writeString(file, rates.replace("ROUNDED", rounded));
        assertThat(run(RealCommand.with(plan, "--matmul", "bf16"))).contains("--matmul bf16");
        assertThat(seconds(RealCommand.with(plan, "--matmul", "bf16")))
                .isBetween(0.4 * seconds(plan), 0.8 * seconds(plan));
        assertThat(
                        command.refused(
                                List.of(
                                        "plan",
                                        "--arch",
                                        "gpt2",
                                        "--gpu",
                                        "h100",
                                        "--matmul=bf16")))
                .contains("--matmul", "--dtype bfloat16");
    }

    private double seconds(List<String> arguments) {
        return Json.parseObject(run(RealCommand.with(arguments, "--json")))
                .number("predicted_step_seconds");
    }

    @Test
    void thePictureIsAPictureInLightAndDark() throws Exception {
        Path picture = temp.resolve("sweep.svg");
        run(RealCommand.with(WHAT_IF, "--plot", picture.toString()));
        String svg = Files.readString(picture);
        assertThat(svg).contains("prefers-color-scheme:dark");
        var document =
                DocumentBuilderFactory.newInstance()
                        .newDocumentBuilder()
                        .parse(new InputSource(new StringReader(svg)));
        assertThat(document.getElementsByTagName("path").getLength()).isPositive();
        assertThat(document.getElementsByTagName("circle").getLength()).isGreaterThan(10);
    }

    @Test
    void aFolderIsPlannedForAMachineInAFile() throws IOException {
        Path model = TestModel.write(temp.resolve("model"), DType.BF16, 4, 64);
        Path machine =
                Files.writeString(
                        temp.resolve("machine.json"),
                        """
                        {"nvme": {"read_bytes_per_second": 7e9, "write_bytes_per_second": 5e9},
                         "host": {"copy_bytes_per_second": 1e10, "memory_bytes": 68719476736,
                                  "cores": 8},
                         "device": {"name": "cpu", "matmul_flops_per_second": {"float32": 1e12},
                                    "h2d_bytes_per_second": 1e10, "d2h_bytes_per_second": 1e10}}
                        """);
        JsonObject plan =
                Json.parseObject(
                        run(
                                List.of(
                                        "plan",
                                        "--model",
                                        model.toString(),
                                        "--machine",
                                        machine.toString(),
                                        "--json")));
        assertThat(plan.array("placement")).hasSize(6);
        assertThat(plan.object("peak_bytes").integer("device")).isZero();
        assertThat(plan.object("bytes_per_step").integer("nvme-read")).isZero();
    }

    @Test
    void whatCannotBePlannedIsRefusedInOneLine() {
        RealCommand command = new RealCommand(temp);
        assertThat(command.refused(List.of("plan", "--arch", "opt-1b"))).contains("opt-1.3b");
        assertThat(command.refused(List.of("plan"))).contains("--arch");
        List<String> gpt2 = List.of("plan", "--arch", "gpt2");
        assertThat(command.refused(RealCommand.with(gpt2, "--simulate"))).contains("--workers");
        assertThat(command.refused(RealCommand.with(gpt2, "--workers", "0"))).contains("--workers");
        assertThat(command.refused(RealCommand.with(gpt2, "--workers", "2", "--network", "5GbE")))
                .contains("10GbE");
        assertThat(command.refused(RealCommand.with(gpt2, "--workers", "2", "--method", "adamw")))
                .contains("--workers: adamw");
        assertThat(command.refused(List.of("plan", "--arch", "gpt2", "--device", "cuda:0")))
                .contains("--gpu");
        assertThat(command.refused(RealCommand.with(WHAT_IF, "--device-budget", "1GiB")))
                .contains("--device-budget", "at least");
        assertThat(command.refused(List.of("plan", "--arch", "gpt2", "--seq-len", "9999")))
                .contains("--seq-len");
        assertThat(command.refused(List.of("plan", "--arch", "gpt2", "--perturbation", "x")))
                .contains("--perturbation");
    }

    @Test
    void aProbeOfAFolderThatIsNotThereIsRefused() {
        assertThat(new RealCommand(temp).refused(List.of("probe", "--nvme-dir", temp + "/none")))
                .contains("--nvme-dir");
    }

    private String run(List<String> arguments) {
        return new RealCommand(temp).done(arguments);
    }
}
