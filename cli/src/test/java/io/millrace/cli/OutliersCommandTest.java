package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.ExitCode;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code millrace outliers}. */
class OutliersCommandTest {
    private static final String MODEL = "--model=../samples/tiny-lm";

    @TempDir Path temp;

    @Test
    void layersOfTheSampleAreWeightsForARun() throws Exception {
        RealCommand command = new RealCommand(temp);
        Path out = temp.resolve("outliers.json");
        String answer =
                command.done(
                        List.of(
                                "outliers",
                                MODEL,
                                "--train=../samples/reviews-dev.jsonl",
                                "--template={text} verdict :",
                                "--label-words= terrible, great",
                                "--tokens=500",
                                "--times=4",
                                "--out=" + out,
                                "--json"));
        List<?> layers = Json.parseObject(answer).array("layers");
        List<?> weights = Json.parseObject(Files.readString(out)).array("block_weights");
        assertThat(weights).hasSameSizeAs(layers).hasSizeGreaterThan(1);
        assertThat(layers).extracting(layer -> ((Map<?, ?>) layer).get("share")).isEqualTo(weights);
        Path tuned = temp.resolve("tuned");
        command.done(
                List.of(
                        "tune",
                        MODEL,
                        "--train=../samples/reviews-dev.jsonl",
                        "--template={text} verdict :",
                        "--label-words= terrible, great",
                        "--method=owlore",
                        "--owlore-layers=1",
                        "--block-weights=" + out,
                        "--batch-size=2",
                        "--steps=1",
                        "--out=" + tuned));
        JsonObject run = Json.parseObject(Files.readString(tuned.resolve("run.json")));
        assertThat(run.object("options").array("block-weights")).isEqualTo(weights);
    }

    @Test
    void aTableSaysWhatWasFound() {
        CommandRun command = new CommandRun();
        Path out = temp.resolve("o.json");
        assertThat(command.run("outliers", MODEL, "--times=7", "--out=" + out))
                .isEqualTo(ExitCode.DONE);
        assertThat(command.out.toString())
                .isEqualTo(
                        """
                        layer       weights    outliers      share        mean
                            0         2,000           5    0.00250      0.5000
                            1         4,000           0       0.00      0.2500
                        done: %s
                        """
                                .formatted(out));
        assertThat(command.engine.counted.times()).isEqualTo(7);
        assertThat(command.engine.counted.text()).isEmpty();
    }

    @Test
    void whatCannotBeIsRefused() {
        for (List<String> wrong :
                List.of(
                        List.of("--times=-1", "--out=" + temp.resolve("o.json")),
                        List.of("--tokens=0", "--train=t", "--out=" + temp.resolve("o.json")),
                        List.of("--out=" + temp.resolve("no/o.json")))) {
            CommandRun command = new CommandRun();
            String[] words =
                    Stream.concat(Stream.of("outliers", MODEL), wrong.stream())
                            .toArray(String[]::new);
            assertThat(command.run(words)).isEqualTo(ExitCode.BAD_INPUT);
            assertThat(command.engine.counted).isNull();
        }
    }
}
