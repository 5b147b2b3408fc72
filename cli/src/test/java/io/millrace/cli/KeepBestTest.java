package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The best step is rebuilt within the budgets of the run. */
class KeepBestTest {
    @TempDir Path temp;

    private List<String> tune(Path model, String... more) throws IOException {
        return RealCommand.with(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + TestModel.data(temp.resolve("ids.jsonl"), 6),
                        "--eval=" + temp.resolve("ids.jsonl"),
                        "--out=" + temp.resolve("out"),
                        "--steps=4",
                        "--batch-size=2",
                        "--seed=3"),
                more);
    }

    @ParameterizedTest
    @CsvSource({
        "cpu, gaussian, mezo-sgd, 5",
        "cpu, low-rank, lozo-m, 20",
        "emulated, low-rank, lozo-m, 20"
    })
    void atTheSmallestBudgetsToo(String device, String direction, String optimizer, String lr)
            throws IOException {
        Path model = TestModel.write(temp.resolve("model"), DType.BF16, 12, 192);
        RealCommand command = new RealCommand(temp);
        List<String> run =
                tune(
                        model,
                        "--eval-every=2",
                        "--keep=best",
                        "--device=" + device,
                        "--perturbation=" + direction,
                        "--optimizer=" + optimizer,
                        "--nvme-dir=" + temp.resolve("nvme"),
                        "--lr=" + lr,
                        "--json");
        if (device.equals("emulated")) {
            run.add("--device-budget=64MiB");
        }
        String smallest =
                LongRun.smallest(command.refused(RealCommand.with(run, "--host-budget=4KiB")));
        if (device.equals("emulated")) {
            // Where all blocks lie on the device, the run itself needs less than the rebuilding.
            smallest =
                    LongRun.smallest(
                            command.refused(RealCommand.with(run, "--host-budget=" + smallest)));
            assertThat(
                            command.refused(
                                    RealCommand.with(
                                            run,
                                            "--host-budget=" + (Long.parseLong(smallest) - 1))))
                    .contains("--host-budget: ", "to rebuild the best step in");
        }
        JsonObject answer =
                Json.parseObject(command.done(RealCommand.with(run, "--host-budget=" + smallest)));
        long kept = answer.integer("kept_step");
        assertThat(kept).as(Files.readString(temp.resolve("out/metrics.jsonl"))).isLessThan(4);
        Path replayed = temp.resolve("replayed");
        command.done(
                List.of(
                        "replay",
                        "--model=" + model,
                        "--journal=" + temp.resolve("out").resolve("journal.jsonl"),
                        "--until=" + kept,
                        "--out=" + replayed));
        assertThat(temp.resolve("out").resolve("model.safetensors"))
                .hasSameBinaryContentAs(replayed.resolve("model.safetensors"));
        // Whatever was streamed through it is gone again.
        assertThat(RealCommand.contents(temp).keySet()).noneMatch(name -> name.startsWith("nvme/"));
    }

    @Test
    void isSaidInWords() throws IOException {
        Path model = TestModel.write(temp.resolve("model"), DType.BF16, 2, 64);
        RealCommand command = new RealCommand(temp);
        assertThat(command.refused(tune(model, "--keep=best"))).contains("--keep", "--eval-every");
        assertThat(command.done(tune(model, "--keep=best", "--eval-every=2")))
                .matches("done after step 4, loss [0-9.]+: .*out, the weights of step [024]\n");
    }
}
