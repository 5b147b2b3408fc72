package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExecutorOperations;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.context.Interruption;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/** Runs command lines against the real engine, and watches a folder meanwhile. */
public final class RealCommand {
    private final Path watched;
    String typed = "";
    private final CommandRun.Captured out = new CommandRun.Captured();
    private final CommandRun.Captured err = new CommandRun.Captured();

    RealCommand(Path watched) {
        this.watched = watched;
    }

    /** Expects the command to be done, and returns what it printed. */
    String done(List<String> arguments) {
        int exitCode = run(arguments);
        assertThat(exitCode).as(err.toString()).isZero();
        return out.toString();
    }

    /** Expects one line of refusal that leaves every file as it was, and returns that line. */
    String refused(List<String> arguments) {
        Map<String, String> before = contents(watched);
        int exitCode = run(arguments);
        String line = err.toString();
        assertThat(exitCode).as(line).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(line).matches("millrace: [^\\n]+: [^\\n]+; [^\\n]+\\n");
        assertThat(out.toString()).isEmpty();
        assertThat(contents(watched)).isEqualTo(before);
        return line;
    }

    /** Expects a refusal behind what it asked before, and returns all of it. */
    String failedInput(List<String> arguments) {
        assertThat(run(arguments)).as(err.toString()).isEqualTo(ExitCode.BAD_INPUT);
        return err.toString();
    }

    /** Expects an answer and a line of refusal, and returns both. */
    String damaged(List<String> arguments) {
        int exitCode = run(arguments);
        assertThat(exitCode).as(err.toString()).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(err.toString()).matches("millrace: [^\\n]+: [^\\n]+; [^\\n]+\\n");
        return out.toString() + err;
    }

    /** Expects one line about a failure that the input did not show, and returns that line. */
    String failed(List<String> arguments) {
        int exitCode = run(arguments);
        String line = err.toString();
        assertThat(exitCode).as(line).isEqualTo(ExitCode.FAILED);
        return line;
    }

    /** Every file and folder below one, with a checksum of what files hold. */
    static Map<String, String> contents(Path folder) {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> entries = Files.walk(folder)) {
            for (Path entry : entries.toList()) {
                contents.put(
                        folder.relativize(entry).toString(),
                        Files.isRegularFile(entry) ? checksum(entry) : "folder");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return contents;
    }

    /** The options of a command, with more of them behind. */
    static List<String> with(List<String> arguments, String... more) {
        List<String> all = new ArrayList<>(arguments);
        all.addAll(Arrays.asList(more));
        return all;
    }

    private int run(List<String> arguments) {
        out.clear();
        err.clear();
        Interruption interruption = new Interruption(err.stream, () -> {});
        CommandContext context =
                new CommandContext(
                        new ExecutorOperations(),
                        new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)),
                        out.stream,
                        err.stream,
                        false,
                        interruption,
                        CommandRun.offline(err.stream),
                        Path.of(".."));
        return Millrace.run(context, arguments.toArray(String[]::new));
    }

    private static String checksum(Path file) throws IOException {
        CRC32C crc = new CRC32C();
        byte[] bytes = Files.readAllBytes(file);
        crc.update(bytes);
        return bytes.length + " bytes, crc32c " + Long.toHexString(crc.getValue());
    }
}
