package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.cli.context.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Builds beside programs that run. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class LauncherBuildTest {
    private static final Path JDK = Path.of(System.getProperty("java.home"));
    private static final String MAIN =
            """
            package io.millrace.cli;
            public class Main {
                public static void main(String[] arguments) throws Exception {
                    System.out.println("started");
                    System.in.read();
                    System.out.println(Late.said());
                }
            }
            """;

    @TempDir Path folder;
    private LauncherCheckout checkout;
    private String command;

    @BeforeEach
    void makeCheckout() throws IOException {
        checkout = new LauncherCheckout(folder);
        command = checkout.root.resolve("millrace").toString();
    }

    @Test
    void aProgramLoadsClassesOfItsOwnBuildWhileOthersAreMade() throws Exception {
        program("first");
        LauncherCheckout.Running first = checkout.start(JDK, List.of(command));
        awaitLine(first, first.out(), "started"::equals);

        checkout.edit();
        program("second");
        LauncherCheckout.Running second = checkout.start(JDK, List.of(command));
        awaitLine(second, second.out(), "started"::equals);
        assertThat(checkout.copies()).hasSize(2);

        assertThat(lastWords(first)).containsExactly("started", "first");
        assertThat(lastWords(second)).containsExactly("started", "second");
        assertThat(checkout.builds()).hasSize(2);
        checkout.launch();
        assertThat(checkout.builds()).hasSize(3);
        assertThat(checkout.copies()).as("those of both programs are gone").hasSize(1);
    }

    @Test
    void takesABuildOfMavensInsteadOfBuilding() throws Exception {
        checkout.launch();
        checkout.edit();
        checkout.buildByHand();

        LauncherCheckout.Result result = checkout.launch();
        assertThat(result.err()).containsExactly("said by the program");
        assertThat(result.dist().resolve("millrace-cli.jar")).hasContent("built by hand");
        assertThat(result.dist().resolve("lib/late.jar")).hasContent("built by hand");
        assertThat(checkout.launch().dist()).isEqualTo(result.dist());
        assertThat(checkout.builds()).hasSize(1);
        assertThat(checkout.copies()).containsExactly(result.dist());
    }

    @Test
    void aFailedBuildLeavesTheCopyBeforeIt() throws Exception {
        Path before = checkout.launch().dist();
        checkout.edit();
        checkout.maven("rm -r cli/target/launcher\necho '[ERROR] no such thing'\nexit 1");

        LauncherCheckout.Result failed = checkout.launch();
        assertThat(failed.exitCode()).isEqualTo(1);
        assertThat(failed.err()).contains("[ERROR] no such thing");
        checkout.age();
        Files.setLastModifiedTime(before.resolve("stamp"), Files.getLastModifiedTime(folder));
        assertThat(checkout.launch().dist()).isEqualTo(before);
        assertThat(checkout.builds()).hasSize(2);
    }

    @Test
    void ofTwoAtOnceOneBuilds() throws Exception {
        Path gate = folder.resolve("gate");
        assertThat(new ProcessBuilder("mkfifo", gate.toString()).start().waitFor()).isZero();
        checkout.maven("read line < '" + gate + "'\n> cli/target/launcher/millrace-cli.jar");
        LauncherCheckout.Running first = checkout.start(checkout.jdk, List.of(command));
        awaitLine(first, checkout.root.resolve("builds"), line -> true);
        LauncherCheckout.Running second = checkout.start(checkout.jdk, List.of(command));
        awaitLine(second, second.err(), "millrace: waiting for another build"::equals);
        Files.writeString(gate, "go\n");

        assertThat(first.result().dist()).isEqualTo(second.result().dist());
        assertThat(checkout.builds()).hasSize(1);
    }

    @Test
    void runsFromACheckoutThatCannotBeWritten() throws Exception {
        Path dist = checkout.launch().dist();
        LauncherCheckout.Result result = launchWithoutRights();
        assertThat(result.err()).containsExactly("said by the program");
        assertThat(result.dist()).isEqualTo(dist);
    }

    @Test
    void runsFromMavensFolderWhereNoCopyCanBeMade() throws Exception {
        checkout.buildByHand();
        LauncherCheckout.Result result = launchWithoutRights();
        assertThat(result.err())
                .containsExactly(
                        "millrace: "
                                + checkout.root.resolve(".millrace")
                                + " cannot be written; this runs from "
                                + checkout.root.resolve("cli/target")
                                + ", where a build would disturb it",
                        "said by the program");
        assertThat(result.dist()).isEqualTo(checkout.root.resolve("cli/target"));
    }

    @Test
    void saysWhatMustBeWritableForABuild() throws Exception {
        LauncherCheckout.Result result = launchWithoutRights();
        assertThat(result.exitCode()).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(result.err())
                .containsExactly(
                        "millrace: "
                                + checkout.root.resolve(".millrace")
                                + ": cannot be written; make "
                                + checkout.root
                                + " writable");
    }

    private LauncherCheckout.Result launchWithoutRights() throws IOException, InterruptedException {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        List<String> line = new ArrayList<>();
        if (Files.getOwner(folder).getName().equals("root")) {
            Path without = Path.of("/usr/bin/setpriv");
            assumeTrue(Files.isExecutable(without), "root may write anywhere");
            line.addAll(
                    List.of(
                            without.toString(),
                            "--reuid=65534",
                            "--regid=65534",
                            "--clear-groups"));
        } else {
            try (Stream<Path> entries = Files.walk(checkout.root)) {
                for (Path each : entries.filter(Files::isDirectory).toList()) {
                    Files.setPosixFilePermissions(
                            each, PosixFilePermissions.fromString("r-xr-xr-x"));
                }
            }
        }
        line.add(command);
        try {
            return checkout.start(checkout.jdk, line).result();
        } finally {
            try (Stream<Path> entries = Files.walk(checkout.root)) {
                for (Path each : entries.filter(Files::isDirectory).toList()) {
                    Files.setPosixFilePermissions(
                            each, PosixFilePermissions.fromString("rwxr-xr-x"));
                }
            }
        }
    }

    /** Makes Maven build a program that loads a class late, which then says something. */
    private void program(String says) throws IOException {
        Path place = Files.createDirectories(folder.resolve(says));
        Path main = Files.writeString(place.resolve("Main.java"), MAIN);
        Path late =
                Files.writeString(
                        place.resolve("Late.java"),
                        "package io.millrace.cli; class Late { static String said() { return \""
                                + says
                                + "\"; } }");
        Path classes = place.resolve("classes");
        tool("javac", "-d", classes, main, late);
        Path jar = place.resolve("millrace-cli.jar");
        tool("jar", "-cf", jar, "-C", classes, "io/millrace/cli/Main.class");
        tool("jar", "-cf", place.resolve("late.jar"), "-C", classes, "io/millrace/cli/Late.class");
        Files.createDirectories(checkout.root.resolve("config"));
        Files.writeString(checkout.root.resolve("config/jvm.args"), "");
        checkout.maven(
                "cp '%1$s/millrace-cli.jar' cli/target/launcher\ncp '%1$s/late.jar' cli/target/launcher/lib"
                        .formatted(place));
    }

    private static void tool(String name, Object... arguments) {
        String[] words = Stream.of(arguments).map(Object::toString).toArray(String[]::new);
        assertThat(ToolProvider.findFirst(name).orElseThrow().run(System.out, System.err, words))
                .isZero();
    }

    private static List<String> lastWords(LauncherCheckout.Running program) throws Exception {
        program.process().getOutputStream().close();
        LauncherCheckout.Result result = program.result();
        assertThat(result.exitCode()).as("%s", result.err()).isZero();
        return result.out();
    }

    private static void awaitLine(
            LauncherCheckout.Running running, Path file, Predicate<String> wanted)
            throws Exception {
        while (!Files.exists(file) || Files.readAllLines(file).stream().noneMatch(wanted)) {
            assertThat(running.process().isAlive()).as(() -> said(running)).isTrue();
            Thread.onSpinWait();
        }
    }

    private static String said(LauncherCheckout.Running running) {
        try {
            return Files.readString(running.err());
        } catch (IOException e) {
            return e.toString();
        }
    }
}
