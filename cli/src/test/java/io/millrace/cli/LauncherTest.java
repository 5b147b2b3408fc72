package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher in a checkout of its own, with a JDK and a Maven that only say what they were asked.
 */
class LauncherTest {
    @TempDir Path folder;
    private Path root;
    private Path jdk;

    @BeforeEach
    void makeCheckout() throws IOException {
        root = Files.createDirectories(folder.resolve("a check out"));
        jdk = folder.resolve("jdk");
        script(
                root.resolve("millrace"),
                Files.readString(Path.of("../millrace"), StandardCharsets.UTF_8));
        script(
                root.resolve("mvnw"),
                """
                #!/bin/sh
                echo "$JAVA_HOME $*" >> builds
                mkdir -p cli/target/lib
                echo jar > cli/target/millrace-cli.jar
                """);
        for (String file : List.of("pom.xml", "cli/pom.xml", "cli/src/main/Main.java")) {
            Files.createDirectories(root.resolve(file).getParent());
            Files.writeString(root.resolve(file), "");
        }
        age();
        script(jdk.resolve("bin/javac"), "#!/bin/sh\n");
        script(
                jdk.resolve("bin/java"),
                """
                #!/bin/sh
                echo 'WARNING: Using incubator modules: jdk.incubator.vector' >&2
                exec 2>&3
                echo 'said by the program' >&2
                for argument; do printf '%s\\n' "$argument"; done
                exit 130
                """);
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
    }

    @Test
    void buildsOnceAndPassesArgumentsAndExitCodeOn() throws Exception {
        Result first = launch(root.resolve("millrace"), "tune", "--prompt", " two words");
        assertThat(first.exitCode).isEqualTo(130);
        assertThat(first.out)
                .containsSubsequence(
                        "@" + root.toRealPath() + "/config/jvm.args",
                        "io.millrace.cli.Main",
                        "tune",
                        "--prompt",
                        " two words");
        assertThat(first.err)
                .containsExactly(
                        "building millrace (the first time takes about a minute)...",
                        "said by the program");

        Result second = launch(root.resolve("millrace"));
        assertThat(second.err).containsExactly("said by the program");
        assertThat(builds()).hasSize(1).first().asString().startsWith(jdk + " -B -pl cli -am");
    }

    @Test
    void buildsAgainWhenASourceIsNewer() throws Exception {
        launch(root.resolve("millrace"));
        Files.setLastModifiedTime(
                root.resolve("cli/src/main/Main.java"),
                FileTime.from(Instant.now().plusSeconds(60)));
        launch(root.resolve("millrace"));

        assertThat(builds()).hasSize(2);
    }

    @Test
    void worksThroughALinkFromAnotherFolder() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link"), root.resolve("millrace"));

        assertThat(launch(link, "--version").out).contains("-Dmillrace.home=" + root.toRealPath());
    }

    @Test
    void saysWhereTheLogOfAFailedBuildIs() throws Exception {
        script(root.resolve("mvnw"), "#!/bin/sh\necho '[ERROR] no such thing'\nexit 1\n");

        Result result = launch(root.resolve("millrace"));

        assertThat(result.exitCode).isEqualTo(1);
        assertThat(result.err)
                .contains("[ERROR] no such thing")
                .last()
                .asString()
                .matches("millrace: the build failed; the whole log is .*/\\.millrace/build\\.log");
    }

    private record Result(int exitCode, List<String> out, List<String> err) {}

    private Result launch(Path command, String... arguments)
            throws IOException, InterruptedException {
        Path out = folder.resolve("stdout");
        Path err = folder.resolve("stderr");
        ProcessBuilder builder =
                new ProcessBuilder(
                        Stream.concat(Stream.of(command.toString()), Stream.of(arguments))
                                .toList());
        builder.environment().put("JAVA_HOME", jdk.toString());
        Process process =
                builder.directory(folder.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), Files.readAllLines(out), Files.readAllLines(err));
    }

    private List<String> builds() throws IOException {
        return Files.readAllLines(root.resolve("builds"));
    }

    private void age() throws IOException {
        FileTime before = FileTime.from(Instant.now().minusSeconds(3600));
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.toList()) {
                Files.setLastModifiedTime(file, before);
            }
        }
    }

    private static void script(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
