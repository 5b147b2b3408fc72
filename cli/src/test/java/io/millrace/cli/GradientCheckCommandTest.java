package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.ExitCode;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code millrace gradcheck}. */
class GradientCheckCommandTest {
    private static final String MODEL = "--model=../samples/tiny-lm";

    @TempDir Path temp;

    @Test
    void slopesOfTheSampleAreWhatItsGradientSays() {
        RealCommand command = new RealCommand(temp);
        for (String tune : List.of("full", "lora", "*.mlp.*")) {
            String answer =
                    command.done(
                            List.of(
                                    "gradcheck",
                                    MODEL,
                                    "--tune=" + tune,
                                    "--directions=3",
                                    "--json"));
            JsonObject fields = Json.parseObject(answer);
            assertThat(fields.bool("ok", false)).isTrue();
            assertThat(fields.number("worst")).isBetween(0.0, 0.02);
            assertThat(fields.number("norm")).isPositive();
            assertThat(fields.array("directions")).hasSize(3);
        }
        assertThat(command.done(List.of("gradcheck", MODEL, "--directions=2")))
                .startsWith("loss ")
                .contains("slope   inner product      difference")
                .contains("they agree: at most ");
    }

    @Test
    void whatDiffersIsToldAndAnsweredByOne() {
        CommandRun command = new CommandRun();
        assertThat(command.run("gradcheck", MODEL, "--eps=0.01", "--seq-len=9"))
                .isEqualTo(ExitCode.FAILED);
        assertThat(command.out.toString())
                .isEqualTo(
                        """
                        loss 2.500000, norm of the gradient 4.00000
                                 slope   inner product      difference
                               1.00000         1.01000         0.2500 %
                              -3.00000        -3.12000         3.0000 %
                        they differ: at most 3.0000 % of the norm apart, where 2.0000 % may be
                        """);
        assertThat(command.engine.checked.eps()).isEqualTo(0.01);
        assertThat(command.engine.checked.tokens()).isEqualTo(9);
        assertThat(command.run("gradcheck", MODEL, "--tolerance=0.031")).isEqualTo(ExitCode.DONE);
    }

    @Test
    void whatCannotBeAskedIsRefused() {
        RealCommand command = new RealCommand(temp);
        assertThat(command.refused(List.of("gradcheck", MODEL, "--seq-len=100000")))
                .contains("--seq-len");
        assertThat(command.refused(List.of("gradcheck", MODEL, "--directions=0")))
                .contains("--directions");
        assertThat(command.refused(List.of("gradcheck", MODEL, "--eps=0"))).contains("--eps");
        assertThat(command.refused(List.of("gradcheck", MODEL, "--tune=scales")))
                .contains("--tune");
    }
}
