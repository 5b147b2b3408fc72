package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The launcher in a checkout of its own, with a JDK and a Maven that only say what they were asked.
 */
final class LauncherCheckout {
    private static final String WHOLE_BUILD = "cli/target/class-path";

    final Path folder;
    final Path root;
    final Path jdk;
    final Path dists;
    private int starts;

    LauncherCheckout(Path folder) throws IOException {
        this.folder = folder;
        root = Files.createDirectories(folder.resolve("a check out")).toRealPath();
        jdk = folder.resolve("jdk");
        dists = root.resolve(".millrace/dist");
        script(
                root.resolve("millrace"),
                Files.readString(Path.of("../millrace"), StandardCharsets.UTF_8));
        maven("echo jar > cli/target/launcher/millrace-cli.jar");
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

    /** What a command wrote, once it has ended. */
    record Result(int exitCode, List<String> out, List<String> err) {
        /** The folder that it ran from. */
        Path dist() {
            String classPath = out.get(out.indexOf("-cp") + 1);
            return Path.of(classPath.substring(0, classPath.indexOf("/millrace-cli.jar:")));
        }
    }

    /** A command that may still run. */
    record Running(Process process, Path out, Path err) {
        Result result() throws IOException, InterruptedException {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return new Result(
                    process.exitValue(), Files.readAllLines(out), Files.readAllLines(err));
        }
    }

    Result launch(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(root.resolve("millrace").toString()));
        command.addAll(List.of(arguments));
        return start(jdk, command).result();
    }

    Running start(Path javaHome, List<String> command) throws IOException {
        starts++;
        Path out = folder.resolve("stdout" + starts);
        Path err = folder.resolve("stderr" + starts);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("JAVA_HOME", javaHome.toString());
        Process process =
                builder.directory(folder.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start();
        return new Running(process, out, err);
    }

    /** What Maven does when it is called, after it has noted that. */
    void maven(String commands) throws IOException {
        script(
                root.resolve("mvnw"),
                "#!/bin/sh\necho \"$JAVA_HOME $*\" >> builds\nmkdir -p cli/target/launcher/lib\n"
                        + commands
                        + "\n");
    }

    /** As {@code ./mvnw package} leaves its own folder. */
    void buildByHand() throws IOException {
        Files.createDirectories(root.resolve("cli/target/lib"));
        Files.writeString(root.resolve("cli/target/lib/late.jar"), "built by hand");
        Files.writeString(root.resolve("cli/target/millrace-cli.jar"), "built by hand");
        Files.writeString(root.resolve(WHOLE_BUILD), "");
        setTime(WHOLE_BUILD, 120);
    }

    /** Makes a source newer than what was built from it. */
    void edit() throws IOException {
        setTime("cli/src/main/Main.java", 60);
    }

    /** Makes everything old. */
    void age() throws IOException {
        FileTime before = FileTime.from(Instant.now().minusSeconds(3600));
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.toList()) {
                Files.setLastModifiedTime(file, before);
            }
        }
    }

    List<String> builds() throws IOException {
        return Files.readAllLines(root.resolve("builds"));
    }

    /** The folders that programs run from, or have run from. */
    List<Path> copies() throws IOException {
        try (Stream<Path> entries = Files.list(dists)) {
            return entries.filter(entry -> !Files.isSymbolicLink(entry)).toList();
        }
    }

    private void setTime(String file, int secondsFromNow) throws IOException {
        Files.setLastModifiedTime(
                root.resolve(file), FileTime.from(Instant.now().plusSeconds(secondsFromNow)));
    }

    static void script(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
