package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileCommandTest {
    @TempDir Path temp;
    private Path model;
    private Path data;
    private Path out;
    private RealCommand command;

    @BeforeEach
    void writeModel() throws IOException {
        model = TestModel.write(temp.resolve("model"), DType.BF16, 6, 64);
        data = TestModel.data(temp.resolve("ids.jsonl"), 6);
        out = temp.resolve("out");
        command = new RealCommand(temp);
    }

    @Test
    void leavesAReportAndATimelineAndNothingElse() throws IOException {
        String said = command.done(profile("--device=emulated", "--device-budget=2MiB"));

        assertThat(RealCommand.contents(out)).containsOnlyKeys("", "report.html", "trace.json");
        assertThat(said)
                .contains(
                        "pipeline efficiency", "bound lane", out.resolve("report.html").toString());
        JsonObject trace = Json.parseObject(Files.readString(out.resolve("trace.json")));
        assertThat(trace.array("traceEvents")).isNotEmpty();
        assertThat(Files.readString(out.resolve("report.html")))
                .contains("\"measured_steps\":2", "\"batch-size\":2")
                .doesNotContain("checkpoint-every");
    }

    @Test
    void answersWithTheFiguresOfTheMeasuredSteps() throws IOException {
        Path probe = temp.resolve("probe.json");
        Files.writeString(probe, "{\"device\":{\"h2d_bytes_per_second\":1e10}}");

        JsonObject answer =
                Json.parseObject(
                        command.done(
                                profile(
                                        "--json",
                                        "--tbw=1TB",
                                        "--probe=" + probe,
                                        "--device=emulated",
                                        "--device-budget=1720KiB")));

        assertThat(answer.integer("warm_steps")).isEqualTo(1);
        assertThat(answer.integer("measured_steps")).isEqualTo(2);
        assertThat(answer.number("step_seconds")).isPositive();
        assertThat(answer.object("lanes").object("h2d").integer("bytes")).isPositive();
        assertThat(answer.object("lanes").object("h2d").number("limit_bytes_per_second"))
                .isEqualTo(1e10);
        assertThat(answer.object("peak_bytes").integer("device")).isBetween(1L, 1720L << 10);
        assertThat(answer.object("wear").integer("bytes_per_step")).isZero();
        assertThat(answer.string("bound_lane")).isNotEmpty();
    }

    @Test
    void measuresALoraOfWhichNothingIsWritten() throws IOException {
        JsonObject answer =
                Json.parseObject(
                        command.done(
                                profile("--json", "--tune=lora", "--lora-targets=all-linear")));
        assertThat(answer.object("wear").integer("bytes_per_step")).isZero();
        assertThat(answer.integer("measured_steps")).isEqualTo(2);
        assertThat(RealCommand.contents(out)).containsOnlyKeys("", "report.html", "trace.json");
    }

    @Test
    void refusesBeforeAnythingExists() throws IOException {
        assertThat(command.refused(asked("--measured-steps=0"))).contains("--measured-steps");
        assertThat(command.refused(asked("--warm-steps=-1"))).contains("--warm-steps");
        assertThat(command.refused(profile("--host-budget=4KiB"))).contains("--host-budget");
        assertThat(command.refused(profile("--probe=" + data))).contains("millrace probe");
        Files.createDirectory(out);
        Files.createFile(out.resolve("letter.txt"));
        assertThat(command.refused(profile())).contains(out + " is not empty");
    }

    @Test
    void refusesAPortThatIsTaken() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = "--metrics-port=" + taken.getLocalPort();
            assertThat(command.refused(profile(port)))
                    .contains("--metrics-port", "port " + taken.getLocalPort());
            assertThat(command.refused(tune(port))).contains("--metrics-port");
        }
        assertThat(command.refused(tune("--metrics-port=70000"))).contains("70000 is not a port");
    }

    private List<String> profile(String... more) {
        return RealCommand.with(asked("--warm-steps=1", "--measured-steps=2"), more);
    }

    private List<String> asked(String... more) {
        return RealCommand.with(
                List.of(
                        "profile",
                        "--model=" + model,
                        "--train=" + data,
                        "--out=" + out,
                        "--batch-size=2"),
                more);
    }

    private List<String> tune(String... more) {
        return RealCommand.with(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + data,
                        "--out=" + temp.resolve("tuned"),
                        "--batch-size=2",
                        "--steps=2"),
                more);
    }
}
