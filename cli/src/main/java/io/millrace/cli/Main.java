package io.millrace.cli;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExecutorOperations;
import io.millrace.cli.context.Interruption;
import io.millrace.cli.context.Models;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.logging.LogManager;

/** Where the JVM enters: the process around one command. */
public final class Main {
    private Main() {}

    /** Runs a command and ends the JVM with its exit code. */
    public static void main(String[] arguments) {
        // Set by the launcher, which has put a filter in front of the JVM's own words.
        Integer realStandardError = Integer.getInteger("millrace.stderr");
        if (realStandardError != null) {
            StandardError.replaceBy(realStandardError);
        }
        quietLibraries();
        PrintStream out = utf8(FileDescriptor.out);
        PrintStream err = utf8(FileDescriptor.err);
        Interruption interruption = new Interruption(err);
        interruption.listen();
        CommandContext context =
                new CommandContext(
                        new ExecutorOperations(),
                        System.in,
                        out,
                        err,
                        StandardError.isTerminal(),
                        interruption,
                        Models.ofEnvironment(err, StandardError.isTerminal()),
                        Path.of(System.getProperty("millrace.home", ".")));
        boolean debug = List.of(arguments).contains("--debug");
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
            // The run waits for that thread, perhaps for ever.
            int exitCode = Millrace.fail(context, thrown, debug);
            Runtime.getRuntime().halt(exitCode);
        });
        int exitCode = Millrace.run(context, arguments);
        out.flush();
        err.flush();
        System.exit(exitCode);
    }

    /**
     * Runs a command in a process that is somebody else's.
     *
     * @return its exit code
     */
    public static int run(CommandContext context, List<String> arguments) {
        return Millrace.run(context, arguments.toArray(String[]::new));
    }

    /** Keeps libraries from saying what nobody asked them. */
    public static void quietLibraries() {
        try (InputStream in = Main.class.getResourceAsStream("logging.properties")) {
            LogManager.getLogManager().readConfiguration(in);
        } catch (IOException e) {
            throw new UncheckedIOException("logging.properties", e);
        }
    }

    // Reviews and prompts are not ASCII, whatever the locale of a container says.
    private static PrintStream utf8(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), false, StandardCharsets.UTF_8);
    }
}
