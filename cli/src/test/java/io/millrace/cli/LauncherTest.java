package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LauncherTest {
    @TempDir Path folder;
    private LauncherCheckout checkout;

    @BeforeEach
    void makeCheckout() throws IOException {
        checkout = new LauncherCheckout(folder);
    }

    @Test
    void buildsOnceAndPassesArgumentsAndExitCodeOn() throws Exception {
        LauncherCheckout.Result first = checkout.launch("tune", "--prompt", " two words");
        assertThat(first.exitCode()).isEqualTo(130);
        assertThat(first.out())
                .containsSubsequence(
                        "@" + checkout.root + "/config/jvm.args",
                        "io.millrace.cli.Main",
                        "tune",
                        "--prompt",
                        " two words");
        assertThat(first.err())
                .containsExactly(
                        "building millrace (the first time takes about a minute)...",
                        "said by the program");

        LauncherCheckout.Result second = checkout.launch();
        assertThat(second.err()).containsExactly("said by the program");
        assertThat(second.dist()).isEqualTo(first.dist()).hasParent(checkout.dists);
        assertThat(checkout.builds())
                .hasSize(1)
                .first()
                .asString()
                .startsWith(checkout.jdk + " -B -pl cli -am -Dbuild.subfolder=/launcher ");
    }

    @Test
    void buildsAgainWhenASourceIsNewer() throws Exception {
        checkout.launch();
        checkout.edit();
        checkout.launch();

        assertThat(checkout.builds()).hasSize(2);
    }

    @Test
    void worksThroughALinkFromAnotherFolder() throws Exception {
        Path link =
                Files.createSymbolicLink(folder.resolve("link"), checkout.root.resolve("millrace"));

        assertThat(
                        checkout.start(checkout.jdk, List.of(link.toString(), "--version"))
                                .result()
                                .out())
                .contains("-Dmillrace.home=" + checkout.root);
    }

    @Test
    void saysWhereTheLogOfAFailedBuildIs() throws Exception {
        checkout.maven("echo '[ERROR] no such thing'\nexit 1");

        LauncherCheckout.Result result = checkout.launch();

        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.err())
                .contains("[ERROR] no such thing")
                .last()
                .asString()
                .matches("millrace: the build failed; the whole log is .*/\\.millrace/build\\.log");
    }

    @Test
    void refusesAMachineThatAllowsTooFewOpenFiles() throws Exception {
        LauncherCheckout.Result result =
                checkout.start(
                                checkout.jdk,
                                List.of(
                                        "bash",
                                        "-c",
                                        "ulimit -n 64; exec \"$0\" --version",
                                        checkout.root.resolve("millrace").toString()))
                        .result();

        assertThat(result.exitCode()).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(result.err())
                .containsExactly(
                        "millrace: ulimit -n: 64 open files are too few for Java and its libraries;"
                                + " raise the limit, such as to 1024");
    }
}
